//! A device of our own, for programs that have none.

use std::sync::{Arc, Mutex};

use crate::RenderError;

/// A headless wgpu device, with whatever went wrong on it.
pub struct Gpu {
    /// The adapter it was opened on.
    pub adapter: wgpu::Adapter,
    /// The device.
    pub device: wgpu::Device,
    /// Its queue.
    pub queue: wgpu::Queue,
    fault: Arc<Mutex<Option<Fault>>>,
}

enum Fault {
    Lost(String),
    Error(String),
}

/// Which adapter [`Gpu::open`] takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AdapterChoice {
    /// The most capable one: discrete, then integrated, virtual, software.
    #[default]
    Best,
    /// The first one whose name contains this text, whatever its capitals.
    Named(String),
}

/// Every adapter of this machine, best first.
pub async fn adapters() -> Vec<wgpu::Adapter> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
    let mut adapters = instance.enumerate_adapters(wgpu::Backends::all()).await;
    adapters.sort_by_key(|adapter| match adapter.get_info().device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    });
    adapters
}

impl Gpu {
    /// Opens a device with every limit that the adapter has, and timestamp queries where there are any.
    ///
    /// # Errors
    /// [`RenderError::NoAdapter`] if no adapter fits the choice, [`RenderError::Device`] if the driver refuses.
    pub async fn open(choice: &AdapterChoice) -> Result<Self, RenderError> {
        let adapters = adapters().await;
        let names: Vec<String> = adapters.iter().map(|a| a.get_info().name).collect();
        let adapter = match choice {
            AdapterChoice::Best => adapters.into_iter().next(),
            AdapterChoice::Named(name) => {
                let name = name.to_lowercase();
                adapters.into_iter().find(|a| a.get_info().name.to_lowercase().contains(&name))
            }
        };
        let adapter = adapter.ok_or_else(|| {
            RenderError::NoAdapter(match choice {
                AdapterChoice::Best => "this machine has no Vulkan, Metal or DirectX 12 driver".into(),
                AdapterChoice::Named(name) => {
                    format!("none is called {name:?}; there are: {}", names.join(", "))
                }
            })
        })?;
        let (device, queue) = adapter
            .request_device(&wgpu::DeviceDescriptor {
                label: Some("effigy"),
                required_features: adapter.features() & wgpu::Features::TIMESTAMP_QUERY,
                required_limits: adapter.limits(),
                ..Default::default()
            })
            .await
            .map_err(|error| RenderError::Device(error.to_string()))?;
        let fault = Arc::new(Mutex::new(None));
        let slot = fault.clone();
        device.set_device_lost_callback(move |reason, message| {
            // Dropping the device is no fault.
            if reason != wgpu::DeviceLostReason::Destroyed {
                set_first(&slot, Fault::Lost(message));
            }
        });
        let slot = fault.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            set_first(&slot, Fault::Error(error.to_string()));
        }));
        Ok(Self { adapter, device, queue, fault })
    }

    /// Whether the adapter is a program on the CPU rather than a GPU.
    pub fn is_software(&self) -> bool {
        self.adapter.get_info().device_type == wgpu::DeviceType::Cpu
    }

    /// The first thing that went wrong on this device since the last call.
    ///
    /// # Errors
    /// [`RenderError::DeviceLost`] or [`RenderError::Gpu`].
    pub fn check(&self) -> Result<(), RenderError> {
        match self.fault.lock().map(|mut fault| fault.take()) {
            Ok(None) => Ok(()),
            Ok(Some(Fault::Lost(message))) => Err(RenderError::DeviceLost(message)),
            Ok(Some(Fault::Error(message))) => Err(RenderError::Gpu { doing: "rendering", message }),
            Err(_) => Err(RenderError::DeviceLost("a callback of the driver panicked".into())),
        }
    }
}

fn set_first(slot: &Mutex<Option<Fault>>, fault: Fault) {
    if let Ok(mut slot) = slot.lock() {
        slot.get_or_insert(fault);
    }
}
