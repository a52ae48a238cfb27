//! Choosing and opening the device.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::Device;
use burn::tensor::wgpu::WgpuSetup;
use burn_cubecl::tensor::CubeTensor;

use crate::TrainError;

/// A wgpu device that Burn uses too, and what was made on it once for all.
pub(crate) struct Gpu {
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    kept: Mutex<Vec<Arc<dyn Any + Send + Sync>>>,
    adapter: String,
    fault: Arc<Mutex<Option<String>>>,
}

/// Every device that was opened. Burn keeps its devices to the end of the program, and so does this.
static OPENED: Mutex<Vec<(Device, Arc<Gpu>)>> = Mutex::new(Vec::new());

fn opened() -> std::sync::MutexGuard<'static, Vec<(Device, Arc<Gpu>)>> {
    OPENED.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gpu {
    /// The GPU of a tensor.
    ///
    /// # Panics
    /// If the tensor is on a device that was not opened by [`device`].
    pub(crate) fn of(tensor: &CubeTensor) -> Arc<Self> {
        let device = Device::from(tensor.device.clone());
        match opened().iter().find(|(d, _)| *d == device) {
            Some((_, gpu)) => gpu.clone(),
            None => panic!("{device:?} was not opened by effigy_train::device"),
        }
    }

    /// The one `T` of this device, kernels say: made when it is first asked for.
    pub(crate) fn kept<T: Any + Send + Sync>(&self, make: impl FnOnce(&wgpu::Device) -> T) -> Arc<T> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().find_map(|one| one.clone().downcast::<T>().ok());
        found.unwrap_or_else(|| {
            let made = Arc::new(make(&self.device));
            kept.push(made.clone());
            made
        })
    }
}

impl std::fmt::Debug for Gpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gpu({})", self.adapter)
    }
}

/// The device called `name`: `cpu`; `gpu`, the best one that there is; `auto`, a GPU if there is one, else the CPU; or
/// part of an adapter's name, whatever its capitals. A GPU that is a program on the CPU is slower than the CPU itself,
/// so it is taken only by name.
///
/// An adapter is opened once; after that the same device is returned. All tensors of a training run on a GPU must be
/// used by one thread: Burn orders the work on a GPU by thread.
///
/// # Errors
/// [`TrainError::Device`] if there is no such adapter or it cannot be opened.
pub fn device(name: &str) -> Result<Device, TrainError> {
    let wanted = name.to_lowercase();
    if wanted == "cpu" {
        return Ok(Device::flex());
    }
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
    let mut adapters = cubecl::future::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    adapters.sort_by_key(|a| match a.get_info().device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    });
    let names: Vec<String> = adapters.iter().map(|a| a.get_info().name).collect();
    let chosen = adapters.into_iter().find(|adapter| {
        let info = adapter.get_info();
        match wanted.as_str() {
            "auto" | "gpu" => info.device_type != wgpu::DeviceType::Cpu,
            part => !part.is_empty() && info.name.to_lowercase().contains(part),
        }
    });
    match chosen {
        Some(adapter) => open(instance, adapter),
        None if wanted == "auto" => Ok(Device::flex()),
        None if names.is_empty() => Err(TrainError::Device(format!(
            "{name:?}: this machine has no Vulkan, Metal or DirectX 12 driver"
        ))),
        None => Err(TrainError::Device(format!(
            "{name:?}: there is no such GPU; adapters that can be named: {}",
            names.join(", ")
        ))),
    }
}

fn open(instance: wgpu::Instance, adapter: wgpu::Adapter) -> Result<Device, TrainError> {
    let info = adapter.get_info();
    let name = format!("{} ({})", info.name, info.backend);
    let mut opened = opened();
    if let Some((device, _)) = opened.iter().find(|(_, gpu)| gpu.adapter == name) {
        return Ok(device.clone());
    }
    // CubeCL takes what the adapter can do for what the device can do.
    let features = adapter.features()
        - wgpu::Features::MAPPABLE_PRIMARY_BUFFERS
        - wgpu::Features::all_experimental_mask();
    let (device, queue) = cubecl::future::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
        label: Some("effigy training"),
        required_features: features,
        required_limits: adapter.limits(),
        memory_hints: wgpu::MemoryHints::MemoryUsage,
        ..Default::default()
    }))
    .map_err(|error| TrainError::Device(format!("{name} cannot be opened: {error}")))?;
    let fault = Arc::new(Mutex::new(None));
    let keep = |slot: &Arc<Mutex<Option<String>>>, message: String| {
        slot.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(message);
    };
    let slot = fault.clone();
    device.set_device_lost_callback(move |reason, message| {
        // Dropping the device is no fault.
        if reason != wgpu::DeviceLostReason::Destroyed {
            keep(&slot, format!("it was lost: {message}"));
        }
    });
    let slot = fault.clone();
    device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| keep(&slot, error.to_string())));
    let setup =
        WgpuSetup { instance, adapter, device: device.clone(), queue: queue.clone(), backend: info.backend };
    let burn = Device::wgpu_options()
        .setup(setup)
        .init()
        .map_err(|error| TrainError::Device(format!("{name}: {error:?}")))?;
    let gpu = Gpu { device, queue, kept: Mutex::default(), adapter: name, fault };
    opened.push((burn.clone(), Arc::new(gpu)));
    Ok(burn)
}

/// Whether anything went wrong on `device` since it was opened.
///
/// # Errors
/// [`TrainError::Device`] with the first fault: a lost device, a lack of memory, a command that was refused. On the
/// CPU there is none.
pub fn check(device: &Device) -> Result<(), TrainError> {
    let gpu = opened().iter().find(|(d, _)| d == device).map(|(_, gpu)| gpu.clone());
    let fault = gpu.and_then(|gpu| gpu.fault.lock().unwrap_or_else(PoisonError::into_inner).clone());
    fault.map_or(Ok(()), |message| Err(TrainError::Device(message)))
}
