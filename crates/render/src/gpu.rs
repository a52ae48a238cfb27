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
    faults: Arc<Mutex<Faults>>,
}

#[derive(Default)]
struct Faults {
    /// Stays once it has happened.
    lost: Option<String>,
    /// The first error since it was last asked for.
    error: Option<String>,
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
    /// Opens a device with every limit that the adapter has, and timestamp queries and subgroups where there are any.
    ///
    /// # Errors
    /// [`RenderError::NoAdapter`] if no adapter fits the choice, [`RenderError::Device`] if the driver refuses.
    pub async fn open(choice: &AdapterChoice) -> Result<Self, RenderError> {
        let adapters = adapters().await;
        let names: Vec<String> = adapters.iter().map(|a| a.get_info().name).collect();
        let mut fault = RenderError::NoAdapter(match choice {
            AdapterChoice::Best => "this machine has no Vulkan, Metal or DirectX 12 driver".into(),
            AdapterChoice::Named(name) => format!("none is called {name:?}; there are: {}", names.join(", ")),
        });
        for adapter in adapters {
            let chosen = match choice {
                AdapterChoice::Best => true,
                AdapterChoice::Named(name) => {
                    adapter.get_info().name.to_lowercase().contains(&name.to_lowercase())
                }
            };
            if chosen {
                // The next best one may open where this one does not.
                match Self::on(adapter).await {
                    Ok(gpu) => return Ok(gpu),
                    Err(error) => fault = error,
                }
            }
        }
        Err(fault)
    }

    /// Opens a device on an adapter that somebody has chosen already, as one that a window can be drawn with.
    ///
    /// # Errors
    /// [`RenderError::Device`] if the driver refuses.
    pub async fn on(adapter: wgpu::Adapter) -> Result<Self, RenderError> {
        let (device, queue) = adapter
            .request_device(&wgpu::DeviceDescriptor {
                label: Some("effigy"),
                required_features: adapter.features()
                    & (wgpu::Features::TIMESTAMP_QUERY | wgpu::Features::SUBGROUP),
                required_limits: adapter.limits(),
                // Nothing is allocated from frame to frame that blocks taken in advance could make quicker.
                memory_hints: wgpu::MemoryHints::MemoryUsage,
                ..Default::default()
            })
            .await
            .map_err(|error| RenderError::Device(error.to_string()))?;
        let faults = Arc::new(Mutex::new(Faults::default()));
        let slot = faults.clone();
        device.set_device_lost_callback(move |reason, message| {
            // Dropping the device is no fault.
            if reason != wgpu::DeviceLostReason::Destroyed
                && let Ok(mut faults) = slot.lock()
            {
                faults.lost.get_or_insert(message);
            }
        });
        let slot = faults.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            if let Ok(mut faults) = slot.lock() {
                faults.error.get_or_insert(error.to_string());
            }
        }));
        Ok(Self { adapter, device, queue, faults })
    }

    /// Whether the adapter is a program on the CPU rather than a GPU.
    pub fn is_software(&self) -> bool {
        self.adapter.get_info().device_type == wgpu::DeviceType::Cpu
    }

    /// Whether the device is lost, or else the first thing that went wrong on it since the last call.
    ///
    /// # Errors
    /// [`RenderError::DeviceLost`], from then on always, or [`RenderError::Gpu`].
    pub fn check(&self) -> Result<(), RenderError> {
        let Ok(mut faults) = self.faults.lock() else {
            return Err(RenderError::DeviceLost("a callback of the driver panicked".into()));
        };
        if let Some(message) = &faults.lost {
            return Err(RenderError::DeviceLost(message.clone()));
        }
        match faults.error.take() {
            Some(message) => Err(RenderError::Gpu { doing: "rendering", message }),
            None => Ok(()),
        }
    }
}
