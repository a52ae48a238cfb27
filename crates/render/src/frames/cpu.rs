//! Frames that the CPU draws.

use std::sync::Arc;

use effigy_avatar::{Avatar, AvatarError, AvatarPoser, ImportanceRaster, PosedGaussians, normals};
use effigy_rig::Pose;
use effigy_splat::{Camera, Frame, Gaussians, Light, Lit, Rasterizer};
use glam::Vec3;

use crate::RenderError;

/// Draws frames of one avatar on the CPU.
pub struct CpuFrames {
    avatar: Arc<Avatar>,
    pub(super) poser: AvatarPoser,
    rest: Option<Pose>,
    pose: Option<Pose>,
    posed: PosedGaussians,
    pub(super) rasterizer: Rasterizer,
    /// And the normals that it needs.
    light: Option<(Light, Vec<Vec3>)>,
    importance: Option<ImportanceRaster>,
}

impl CpuFrames {
    pub(super) fn new(avatar: &Arc<Avatar>) -> Result<Self, RenderError> {
        avatar.validate().map_err(unusable)?;
        Ok(Self {
            avatar: avatar.clone(),
            poser: AvatarPoser::new(avatar).map_err(unusable)?,
            rest: avatar.body.as_ref().map(|body| Pose::rest(&body.rig)),
            pose: None,
            posed: PosedGaussians::default(),
            rasterizer: Rasterizer::new(),
            light: None,
            importance: None,
        })
    }

    pub(super) fn watch_importance(&mut self) {
        self.importance.get_or_insert_with(|| ImportanceRaster::new(&self.avatar));
    }

    pub(super) fn set_light(&mut self, light: Option<Light>) {
        self.light = light.map(|light| (light, normals(&self.avatar)));
    }

    pub(super) fn render(
        &mut self,
        pose: Option<&Pose>,
        camera: &Camera,
        frame: &mut Frame,
    ) -> Result<(), RenderError> {
        self.pose(pose)?;
        self.rasterize(camera, frame)
    }

    pub(super) fn importance(&mut self, camera: &Camera, values: &mut Vec<f32>) -> Result<(), RenderError> {
        let Some(importance) = &mut self.importance else { return Ok(()) };
        let shown = shown(&self.avatar, &self.posed);
        Ok(importance.render(shown, camera, self.avatar.filter, values)?)
    }

    /// Poses the avatar, unless it stands so already.
    pub(super) fn pose(&mut self, pose: Option<&Pose>) -> Result<(), RenderError> {
        let Some(rest) = &self.rest else { return Ok(()) };
        let pose = pose.unwrap_or(rest);
        if self.pose.as_ref() != Some(pose) {
            self.poser.pose(&self.avatar, pose, &mut self.posed).map_err(unusable)?;
            self.pose.get_or_insert_with(|| pose.clone()).clone_from(pose);
        }
        Ok(())
    }

    pub(super) fn rasterize(&mut self, camera: &Camera, frame: &mut Frame) -> Result<(), RenderError> {
        let gaussians = shown(&self.avatar, &self.posed);
        let frames = if self.avatar.body.is_some() { &self.posed.frames[..] } else { &[] };
        let filter = self.avatar.filter;
        match &self.light {
            None => self.rasterizer.render(gaussians, frames, camera, filter, frame)?,
            Some((light, normals)) => {
                let lit = Lit { light, normals };
                self.rasterizer.render_lit(gaussians, frames, &lit, camera, filter, frame)?;
            }
        }
        Ok(())
    }
}

/// The Gaussians as they stand.
fn shown<'a>(avatar: &'a Avatar, posed: &'a PosedGaussians) -> &'a Gaussians {
    if avatar.body.is_some() { &posed.gaussians } else { &avatar.gaussians }
}

fn unusable(error: AvatarError) -> RenderError {
    RenderError::Avatar(error.to_string())
}
