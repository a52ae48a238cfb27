//! The host's side of the example: a colour target, a pass that clears it, and saving it.

/// A colour target.
pub(crate) fn target(device: &wgpu::Device, size: u32, format: wgpu::TextureFormat) -> wgpu::Texture {
    device.create_texture(&wgpu::TextureDescriptor {
        label: Some("host"),
        size: wgpu::Extent3d { width: size, height: size, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
        view_formats: &[],
    })
}

/// A pass in which the host has drawn its background.
pub(crate) fn begin_pass(
    encoder: &mut wgpu::CommandEncoder,
    target: &wgpu::Texture,
) -> wgpu::RenderPass<'static> {
    let view = target.create_view(&Default::default());
    encoder
        .begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("host"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &view,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color { r: 0.03, g: 0.05, b: 0.09, a: 1.0 }),
                    store: wgpu::StoreOp::Store,
                },
            })],
            ..Default::default()
        })
        .forget_lifetime()
}

/// Submits the frame and writes the target, 8-bit RGBA of a size that needs no row padding, to a PNG.
pub(crate) fn submit_and_save(
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    mut encoder: wgpu::CommandEncoder,
    target: &wgpu::Texture,
    path: &str,
) -> Result<(), Box<dyn std::error::Error>> {
    let (width, height) = (target.width(), target.height());
    let staging = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("picture"),
        size: u64::from(width) * u64::from(height) * 4,
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
        mapped_at_creation: false,
    });
    encoder.copy_texture_to_buffer(
        target.as_image_copy(),
        wgpu::TexelCopyBufferInfo {
            buffer: &staging,
            layout: wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(width * 4),
                rows_per_image: None,
            },
        },
        target.size(),
    );
    queue.submit([encoder.finish()]);
    staging.slice(..).map_async(wgpu::MapMode::Read, |_| {});
    #[expect(clippy::disallowed_methods, reason = "the picture is saved, not shown")]
    device.poll(wgpu::PollType::wait_indefinitely())?;
    let pixels = staging.slice(..).get_mapped_range()?.to_vec();
    image::save_buffer(path, &pixels, width, height, image::ColorType::Rgba8)?;
    Ok(())
}
