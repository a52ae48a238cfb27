//! What frames are drawn into: the textures of a picture, the camera that it is seen through, and what hides parts of it.

use effigy_shaders::{CameraData, TILE, numbered, uniform};
use effigy_splat::{BlendSpace, MAX_PICTURE_SIZE, SplatError, SplatRules};
use glam::Mat4;

use crate::pipelines::Pipelines;
use crate::{Method, RenderError};

/// What a view holds besides colour and depth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outputs {
    /// The guide: motion and importance of every pixel ([`crate::View::guide`]).
    pub guide: bool,
}

/// The depth buffer of a host's scene: what of an avatar is behind it is not drawn.
#[derive(Clone, Copy)]
pub struct Occluder<'a> {
    /// Its depth aspect, of at least the view's size, with usage `TEXTURE_BINDING`. Of several samples a pixel the first
    /// counts.
    pub depth: &'a wgpu::TextureView,
    /// The host's perspective projection; any near and far plane, reversed or not.
    pub clip_from_camera: Mat4,
}

/// A texture that a frame is written to.
pub(crate) struct Output {
    pub(crate) texture: wgpu::Texture,
    pub(crate) view: wgpu::TextureView,
}

/// What frames of one size are drawn into.
pub(crate) struct Target {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) color: Output,
    pub(crate) depth: Output,
    pub(crate) guide: Option<Output>,
    pub(crate) camera: wgpu::Buffer,
    pub(crate) occluder: Option<BoundOccluder>,
    /// How it is to be composited, where it can be.
    pub(crate) wanted: Method,
    /// Of the avatars that are drawn.
    pub(crate) rules: SplatRules,
}

pub(crate) struct BoundOccluder {
    /// Distances along the view axis, metres.
    limit: wgpu::TextureView,
    pub(crate) projection: wgpu::Buffer,
    /// `Projection` of `shaders/output/host_depth.wesl`.
    pub(crate) parameters: [f32; 4],
    bind_group: wgpu::BindGroup,
    multisampled: bool,
}

impl Target {
    pub(crate) fn new(
        device: &wgpu::Device,
        width: u32,
        height: u32,
        format: wgpu::TextureFormat,
        outputs: Outputs,
    ) -> Result<Self, RenderError> {
        let most = device.limits().max_texture_dimension_2d.min(MAX_PICTURE_SIZE);
        if width == 0 || height == 0 || width > most || height > most {
            return Err(
                SplatError::Camera(format!("picture size {width}x{height} is outside 1 to {most}")).into()
            );
        }
        let output = |label, format| Output::new(device, label, [width, height], format);
        Ok(Self {
            width,
            height,
            color: output("avatar colour", format),
            depth: output("avatar depth", wgpu::TextureFormat::R32Float),
            guide: outputs.guide.then(|| output("avatar guide", format)),
            camera: uniform(device, "camera", size_of::<CameraData>()),
            occluder: None,
            wanted: Method::default(),
            rules: SplatRules::CLASSIC,
        })
    }

    /// How it is composited: as is wanted, or by tiles where quads cannot give what it holds.
    pub(crate) fn method(&self) -> Method {
        let by_quads = self.guide.is_none()
            && self.rules.blending == BlendSpace::Srgb
            && self.color.texture.format() == wgpu::TextureFormat::Rgba16Float;
        if by_quads { self.wanted } else { Method::Tiles }
    }

    /// Columns and rows of tiles.
    pub(crate) fn tiles(&self) -> [u32; 2] {
        [self.width.div_ceil(TILE), self.height.div_ceil(TILE)]
    }

    /// Whether the frame fills the guide, and whether something hides parts of it.
    pub(crate) fn kind(&self) -> (bool, bool) {
        (self.guide.is_some(), self.occluder.is_some())
    }

    /// The distance of the host's scene, if there is an occluder.
    pub(crate) fn limit(&self) -> Option<&wgpu::TextureView> {
        self.occluder.as_ref().map(|occluder| &occluder.limit)
    }

    /// Binds what reads the depth of `occluder`.
    pub(crate) fn bind_occluder(
        &self,
        device: &wgpu::Device,
        pipelines: &Pipelines,
        occluder: &Occluder<'_>,
    ) -> BoundOccluder {
        let format = wgpu::TextureFormat::R32Float;
        let limit =
            Output::new(device, "distance of the host's scene", [self.width, self.height], format).view;
        let projection = uniform(device, "host projection", 16);
        let multisampled = occluder.depth.texture().sample_count() > 1;
        let bind_group = pipelines.host_depth(device, multisampled).bind(
            device,
            &numbered([
                projection.as_entire_binding(),
                wgpu::BindingResource::TextureView(occluder.depth),
                wgpu::BindingResource::TextureView(&limit),
            ]),
        );
        let mut bound = BoundOccluder { limit, projection, parameters: [0.0; 4], bind_group, multisampled };
        bound.project(occluder.clip_from_camera);
        bound
    }

    /// Records the reading of the occluder's depth, if there is one.
    pub(crate) fn record_occluder(
        &self,
        device: &wgpu::Device,
        pipelines: &Pipelines,
        pass: &mut wgpu::ComputePass<'_>,
    ) {
        if let Some(occluder) = &self.occluder {
            let size = [self.width.div_ceil(8), self.height.div_ceil(8), 1];
            pipelines.host_depth(device, occluder.multisampled).dispatch(pass, &occluder.bind_group, size);
        }
    }
}

impl Output {
    fn new(
        device: &wgpu::Device,
        label: &str,
        [width, height]: [u32; 2],
        format: wgpu::TextureFormat,
    ) -> Self {
        // Quads are drawn into it.
        let drawn = if format == wgpu::TextureFormat::Rgba16Float {
            wgpu::TextureUsages::RENDER_ATTACHMENT
        } else {
            wgpu::TextureUsages::empty()
        };
        let texture = device.create_texture(&wgpu::TextureDescriptor {
            label: Some(label),
            size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format,
            usage: wgpu::TextureUsages::STORAGE_BINDING
                | wgpu::TextureUsages::TEXTURE_BINDING
                | wgpu::TextureUsages::COPY_SRC
                | drawn,
            view_formats: &[],
        });
        Self { view: texture.create_view(&Default::default()), texture }
    }
}

impl BoundOccluder {
    pub(crate) fn project(&mut self, clip_from_camera: Mat4) {
        // The rows of depth and of w, for points on the camera's axis.
        self.parameters = [clip_from_camera.z_axis.z, clip_from_camera.w_axis.z, 0.0, 0.0];
    }
}
