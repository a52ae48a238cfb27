//! Per-stage GPU times by timestamp queries.

use crate::RenderError;

/// A stage of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Morphs, skinning and surface frames.
    Pose,
    /// The neural field: the sum over its bases.
    Decode,
    /// Binding, activation, projection, culling and colour.
    Project,
    /// Depth order.
    Sort,
    /// Assignment to tiles.
    Bin,
    /// Compositing.
    Rasterize,
}

impl Stage {
    /// All stages in the order in which they run.
    pub const ALL: [Self; 6] =
        [Self::Pose, Self::Decode, Self::Project, Self::Sort, Self::Bin, Self::Rasterize];

    pub(crate) fn begin(
        self,
        encoder: &mut wgpu::CommandEncoder,
        timer: Option<&StageTimer>,
    ) -> wgpu::ComputePass<'static> {
        self.begin_part(encoder, timer, timer)
    }

    /// Begins a pass of a stage of several: `first` is told when it begins, `last` when it ends.
    pub(crate) fn begin_part(
        self,
        encoder: &mut wgpu::CommandEncoder,
        first: Option<&StageTimer>,
        last: Option<&StageTimer>,
    ) -> wgpu::ComputePass<'static> {
        let timestamp_writes = first.or(last).map(|timer| wgpu::ComputePassTimestampWrites {
            query_set: &timer.queries,
            beginning_of_pass_write_index: first.map(|_| self.first_query()),
            end_of_pass_write_index: last.map(|_| self.first_query() + 1),
        });
        encoder
            .begin_compute_pass(&wgpu::ComputePassDescriptor { label: Some(self.name()), timestamp_writes })
            .forget_lifetime()
    }

    /// The query of its beginning; the one of its end is next.
    fn first_query(self) -> u32 {
        2 * self as u32
    }

    /// Lower-case name, for tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pose => "pose",
            Self::Decode => "decode",
            Self::Project => "project",
            Self::Sort => "sort",
            Self::Bin => "bin",
            Self::Rasterize => "rasterize",
        }
    }
}

/// Measures the stages of one frame by the GPU's own clock. For benchmarks: reading the times waits for the GPU.
///
/// A stage that a frame skips (pose and decode, when the pose has not changed) reads as next to nothing. Software drivers write
/// timestamps when they queue work, not when they do it: measure these with [`crate::Renderer::time_stages`].
pub struct StageTimer {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    staging: wgpu::Buffer,
    period_ns: f64,
}

const QUERIES: u32 = 2 * Stage::ALL.len() as u32;

impl StageTimer {
    /// `None` if the device was opened without timestamp queries.
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue) -> Option<Self> {
        if !device.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
            return None;
        }
        let buffer = |usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("timestamps"),
                size: u64::from(QUERIES) * 8,
                usage,
                mapped_at_creation: false,
            })
        };
        Some(Self {
            queries: device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("stages"),
                ty: wgpu::QueryType::Timestamp,
                count: QUERIES,
            }),
            resolved: buffer(wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC),
            staging: buffer(wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ),
            period_ns: queue.get_timestamp_period().into(),
        })
    }

    /// For the first pass of a stage, where it is a render pass.
    pub(crate) fn render_begin(&self, stage: Stage) -> wgpu::RenderPassTimestampWrites<'_> {
        wgpu::RenderPassTimestampWrites {
            query_set: &self.queries,
            beginning_of_pass_write_index: Some(stage.first_query()),
            end_of_pass_write_index: None,
        }
    }

    pub(crate) fn resolve(&self, encoder: &mut wgpu::CommandEncoder) {
        encoder.resolve_query_set(&self.queries, 0..QUERIES, &self.resolved, 0);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, &self.staging, 0, u64::from(QUERIES) * 8);
    }

    /// Milliseconds of each stage, in the order of [`Stage::ALL`], of the last submitted frame. Waits for it.
    ///
    /// # Errors
    /// [`RenderError::Gpu`] if the device is lost or no frame has been timed.
    pub fn read(&self, device: &wgpu::Device) -> Result<[f64; Stage::ALL.len()], RenderError> {
        let bytes = crate::mapped::map_and_copy(device, &self.staging, "reading times")?;
        let ticks: Vec<u64> = bytes
            .chunks_exact(8)
            .map(|c| u64::from_le_bytes([c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]]))
            .collect();
        // A query that was never written reads as 0 where it can be read at all.
        if ticks.contains(&0) {
            return Err(RenderError::Gpu { doing: "reading times", message: "a stage was not timed".into() });
        }
        Ok(std::array::from_fn(|i| {
            ticks[2 * i + 1].saturating_sub(ticks[2 * i]) as f64 * self.period_ns * 1e-6
        }))
    }
}
