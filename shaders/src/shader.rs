//! A composed shader.

use std::borrow::Cow;

/// A shader in one piece.
#[derive(Clone, Copy, Debug)]
pub struct Shader {
    /// Its name, for messages and labels.
    pub name: &'static str,
    pub(crate) source: &'static str,
    pub(crate) subgroups: bool,
}

impl Shader {
    /// Whether it uses subgroup operations, which not every device has.
    pub fn uses_subgroups(&self) -> bool {
        self.subgroups
    }

    /// WGSL as the wgpu of this program takes it.
    pub fn wgsl(&self) -> Cow<'static, str> {
        if cfg!(target_arch = "wasm32") { self.browser_wgsl() } else { Cow::Borrowed(self.source) }
    }

    /// WGSL as browsers take it. They have to be told of subgroup operations in a line that naga 30, which compiles WGSL
    /// everywhere else, does not know.
    pub fn browser_wgsl(&self) -> Cow<'static, str> {
        if self.subgroups {
            Cow::Owned(format!("enable subgroups;\n{}", self.source))
        } else {
            Cow::Borrowed(self.source)
        }
    }

    /// The module of it on a device.
    pub fn module(&self, device: &wgpu::Device) -> wgpu::ShaderModule {
        device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(self.name),
            source: wgpu::ShaderSource::Wgsl(self.wgsl()),
        })
    }
}
