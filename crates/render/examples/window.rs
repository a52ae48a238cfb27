//! A host program in a winit event loop draws an avatar in its own scene: hidden by what is nearer, hiding what is behind,
//! throwing a shadow. Drag to turn, wheel to come closer, click to be told what is there, space to pause.
//!
//! `cargo run --release -p effigy-render --example window -- assets/head.glb assets/greeting.json`

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use effigy_avatar::{Avatar, OpenOptions};
use effigy_render::{
    CompositeSource, Compositor, GpuAvatar, Occluder, PendingPick, PosedMesh, Precision, Renderer, View,
};
use effigy_rig::{Pose, Track, TrackLimits, TrackPlayer, Wrap};
use glam::camera::rh::proj::directx::perspective;
use glam::{Mat4, Vec3};
use host::mouse::{Gesture, Mouse};
use host::orbit::{FIELD_OF_VIEW, Orbit};
use host::program::{Fault, Program, Screen};
use host::scene::{DEPTH_TARGET, Scene};
use winit::event::{ElementState, KeyEvent, WindowEvent};
use winit::keyboard::{Key, NamedKey};

struct Stage {
    renderer: Renderer,
    compositor: Compositor,
    avatar: GpuAvatar,
    view: View,
    source: CompositeSource,
    motion: Option<(TrackPlayer, Pose)>,
    pick: Option<PendingPick>,
    // The host's own.
    scene: Scene,
    orbit: Orbit,
    mouse: Mouse,
    clicked: Option<[u32; 2]>,
    /// Seconds of the track that were played before it was last started, and when that was.
    played: f64,
    started: Option<Instant>,
}

/// The host's, from half a decimetre to half a kilometre.
fn projection([width, height]: [u32; 2]) -> Mat4 {
    perspective(FIELD_OF_VIEW, width as f32 / height as f32, 0.05, 500.0)
}

/// What depends on the window's size: a view that is hidden by the scene's depth, and its way into the window.
fn fit(
    renderer: &Renderer,
    compositor: &Compositor,
    scene: &Scene,
    screen: &Screen,
) -> Result<(View, CompositeSource), Fault> {
    let ([width, height], projection) = (screen.size(), projection(screen.size()));
    let mut view = renderer.create_view(width, height)?;
    renderer.occlude(&mut view, &Occluder { depth: scene.depth(), clip_from_camera: projection })?;
    let source = compositor.source(&screen.device, &view)?;
    source.set_projection(&screen.queue, projection);
    Ok((view, source))
}

impl Program for Stage {
    const TITLE: &'static str = "window";
    // The compositor sees by the format which it is.
    const LINEAR_LIGHT: bool = true;

    fn new(screen: &Screen) -> Result<Self, Fault> {
        let path = std::env::args().nth(1).ok_or("usage: window AVATAR [TRACK]")?;
        let asset = Arc::new(Avatar::open(path, &OpenOptions::default())?);
        let mut motion = None;
        if let (Some(path), Some(body)) = (std::env::args().nth(2), &asset.body) {
            let track = Track::open(path, &TrackLimits::default())?;
            motion = Some((TrackPlayer::new(&track, &body.rig)?, Pose::rest(&body.rig)));
        }
        let (low, high) = asset.bounds()?.ok_or("the avatar is empty")?;

        let scene = Scene::new(&screen.device, &screen.queue, screen.format(), screen.size(), (low, high));
        let height = (high - low).max_element();
        let orbit = Orbit::new(0.5 * (low + high) - 0.2 * height * Vec3::Y, 3.5 * height);
        let renderer = Renderer::new(&screen.device, &screen.queue, Precision::Half)?;
        let compositor = Compositor::with_depth(&screen.device, screen.format(), 1, DEPTH_TARGET)?;
        let avatar = renderer.upload(&asset)?;
        let (view, source) = fit(&renderer, &compositor, &scene, screen)?;
        let (pick, clicked, mouse) = (None, None, Mouse::default());
        let (played, started) = (0.0, motion.is_some().then(Instant::now));
        Ok(Self {
            renderer,
            compositor,
            avatar,
            view,
            source,
            motion,
            pick,
            scene,
            orbit,
            mouse,
            clicked,
            played,
            started,
        })
    }

    fn draw(&mut self, screen: &Screen, target: &wgpu::TextureView) -> Result<Duration, Fault> {
        let projection = projection(screen.size());
        if self.view.size() != screen.size().into() {
            self.scene.resize(&screen.device, screen.size());
            (self.view, self.source) = fit(&self.renderer, &self.compositor, &self.scene, screen)?;
        }
        let time = self.time();
        if let Some((player, pose)) = &mut self.motion {
            player.apply(time, Wrap::Loop, pose);
            self.avatar.set_pose(pose)?;
        }
        let camera = self.orbit.camera(screen.size());
        let mesh = self.avatar.mesh();
        let world_from_avatar = mesh.map_or(Mat4::IDENTITY, |mesh| mesh.world_from_avatar);
        let clip_from_world = projection * Mat4::from(camera.camera_from_world);
        self.scene.set_transforms(&screen.queue, clip_from_world, world_from_avatar);

        let mut encoder = screen.device.create_command_encoder(&Default::default());
        // First the host's depth, since the avatar is hidden by it.
        self.scene.draw_depth(&mut encoder);
        self.renderer.record(&mut encoder, &[&self.avatar], &camera, &mut self.view)?;
        // From here on the mesh is in the pose of this frame.
        let mut pass = self.scene.begin_shadows(&mut encoder);
        if let Some(mesh) = mesh {
            pass.set_vertex_buffer(0, mesh.vertices.slice(..));
            pass.set_index_buffer(mesh.indices.slice(..), PosedMesh::INDICES);
            pass.draw_indexed(0..mesh.index_count, 0, 0..1);
        }
        drop(pass);
        let mut pass = self.scene.begin(&mut encoder, target);
        self.compositor.draw(&mut pass, &self.source);
        // What comes later stands before the avatar or behind it by the depth that the compositor has written.
        self.scene.draw_glass(&mut pass);
        drop(pass);
        if let Some([x, y]) = self.clicked.take() {
            // Fails if the window has become smaller since.
            self.pick = self.renderer.pick(&mut encoder, &[&self.avatar], &self.view, x, y).ok();
        }
        screen.queue.submit([encoder.finish()]);

        // The answer to a click comes some frames later.
        #[expect(clippy::disallowed_methods, reason = "this kind does not wait")]
        screen.device.poll(wgpu::PollType::Poll)?;
        if let Some(answer) = self.pick.as_mut().and_then(PendingPick::poll) {
            match answer? {
                Some(pick) => {
                    println!("{:?}, Gaussian {}, {:.2} m away", pick.part, pick.gaussian, pick.depth)
                }
                None => println!("not the avatar"),
            }
            self.pick = None;
        }
        let again = self.started.is_some() || self.pick.is_some();
        Ok(if again { Duration::ZERO } else { Duration::MAX })
    }

    fn event(&mut self, _: &Screen, event: &WindowEvent) -> bool {
        if let WindowEvent::KeyboardInput {
            event: KeyEvent { logical_key: Key::Named(NamedKey::Space), state: ElementState::Pressed, .. },
            ..
        } = event
        {
            self.played = self.time();
            self.started = if self.started.is_none() { Some(Instant::now()) } else { None };
            return true;
        }
        match self.mouse.event(event) {
            Some(Gesture::Drag(right, down)) => self.orbit.turn(right, down),
            Some(Gesture::Wheel(steps)) => self.orbit.dolly(steps),
            Some(Gesture::Click(at)) => self.clicked = Some(at),
            None => return false,
        }
        true
    }
}

impl Stage {
    /// Of the track, seconds.
    fn time(&self) -> f64 {
        self.played + self.started.map_or(0.0, |started| started.elapsed().as_secs_f64())
    }
}

fn main() -> ExitCode {
    host::program::run::<Stage>()
}

/// Code that a host program has already.
mod host {
    #[path = "mouse.rs"]
    pub(crate) mod mouse;
    #[path = "orbit.rs"]
    pub(crate) mod orbit;
    #[path = "program.rs"]
    pub(crate) mod program;
    #[path = "scene.rs"]
    pub(crate) mod scene;
}
