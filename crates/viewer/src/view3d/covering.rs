//! One triangle over all of the view.

/// Draws one triangle that covers the view, in the interface's own pass.
pub(crate) struct Covering {
    pub(crate) pipeline: wgpu::RenderPipeline,
    pub(crate) group: wgpu::BindGroup,
}

impl Covering {
    pub(crate) fn draw(&self, pass: &mut wgpu::RenderPass<'_>) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.group, &[]);
        pass.draw(0..3, 0..1);
    }
}
