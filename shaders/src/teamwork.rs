//! How threads work together.

/// How the threads of a workgroup sort and count together. The result is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Teamwork {
    /// Through workgroup memory: on every device.
    Shared,
    /// By subgroup operations.
    Subgroups,
    /// Not at all, a thread a run of keys: for a processor that imitates a GPU, where threads that share their work cost
    /// more than the work.
    Serial,
}

impl Teamwork {
    /// What suits `device`.
    pub fn of(device: &wgpu::Device) -> Self {
        let info = device.adapter_info();
        if info.device_type == wgpu::DeviceType::Cpu {
            Self::Serial
        } else if device.features().contains(wgpu::Features::SUBGROUP)
            // Of a driver that may choose the size, nothing says that a workgroup's subgroups are full.
            && info.subgroup_min_size == info.subgroup_max_size
            && (4..=128).contains(&info.subgroup_min_size)
        {
            Self::Subgroups
        } else {
            Self::Shared
        }
    }
}
