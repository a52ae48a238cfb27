//! AV1 by rav1e.

use ::rav1e::prelude::{
    ChromaSamplePosition, ChromaSampling, ColorDescription, ColorPrimaries, Config, Context,
    EncoderConfig as Settings, EncoderStatus, FrameParameters, FrameType, FrameTypeOverride,
    MatrixCoefficients, Pixel, PixelRange, Rational, SceneDetectionSpeed, SpeedSettings,
    TransferCharacteristics,
};

use super::{
    Backend, Capabilities, Codec, EncoderConfig, FrameRequest, Gated, Layout, Matrix, Packet, Planar, Preset,
    Rate,
};
use crate::VideoError;

const NAME: &str = "rav1e";
/// Speeds, of 0 to 10.
const SPEED_LIVE: u8 = 10;
const SPEED_OFFLINE: u8 = 6;
/// A temporal delimiter, which containers leave out (AV1 in ISO base media files, section 2.4).
const TEMPORAL_DELIMITER: [u8; 2] = [0x12, 0x00];

/// AV1 at 8 or 10 bits, 4:2:0 or 4:4:4, any size from 16 × 16 without padding.
///
/// A quality of q is its quantiser index q × 255 / 63. In low latency pictures are not reordered, but a packet still
/// comes out four pictures late: rav1e reads that far ahead whatever its settings.
pub type Rav1e = Gated<Library>;

/// rav1e, for either depth.
pub struct Library(Depth);

enum Depth {
    Eight(Box<Context<u8>>),
    Ten(Box<Context<u16>>),
}

impl Rav1e {
    /// # Errors
    /// [`VideoError::Settings`], [`VideoError::Unsupported`].
    pub fn new(config: &EncoderConfig) -> Result<Self, VideoError> {
        let capabilities = Capabilities {
            name: NAME.into(),
            layouts: Layout::ALL,
            alpha: false,
            quality_map: false,
            key_on_request: true,
            max_frame_bytes: false,
        };
        Self::open(capabilities, Codec::Av1, config, 1, || Library::open(config))
    }
}

impl Library {
    fn open(config: &EncoderConfig) -> Result<Self, VideoError> {
        let (numerator, denominator) = config.frame_rate();
        let live = config.preset == Preset::LowLatency;
        let mut speed = SpeedSettings::from_preset(if live { SPEED_LIVE } else { SPEED_OFFLINE });
        if live {
            speed.rdo_lookahead_frames = 1;
            speed.scene_detection_mode = SceneDetectionSpeed::None;
        }
        let mut settings = Settings {
            width: config.width as usize,
            height: config.height as usize,
            time_base: Rational::new(u64::from(denominator), u64::from(numerator)),
            bit_depth: config.layout.bit_depth() as usize,
            chroma_sampling: if config.layout.full_chroma() {
                ChromaSampling::Cs444
            } else {
                ChromaSampling::Cs420
            },
            chroma_sample_position: if config.layout.full_chroma() {
                ChromaSamplePosition::Unknown
            } else {
                ChromaSamplePosition::Vertical
            },
            pixel_range: if config.color.full_range { PixelRange::Full } else { PixelRange::Limited },
            color_description: Some(ColorDescription {
                color_primaries: ColorPrimaries::BT709,
                transfer_characteristics: TransferCharacteristics::SRGB,
                matrix_coefficients: match config.color.matrix {
                    Matrix::Bt709 => MatrixCoefficients::BT709,
                    Matrix::Bt601 => MatrixCoefficients::BT601,
                },
            }),
            low_latency: live,
            speed_settings: speed,
            ..Settings::default()
        };
        settings.set_key_frame_interval(0, u64::from(config.key_interval));
        match config.rate {
            Rate::Quality(quality) => settings.quantizer = (quality * 255.0 / 63.0).round() as usize,
            Rate::Bitrate(bits) => {
                settings.bitrate = i32::try_from(bits).unwrap_or(i32::MAX);
                settings.quantizer = 255;
            }
        }
        let whole = Config::new().with_encoder_config(settings).with_threads(usize::from(config.threads));
        let refused = |error: &dyn std::fmt::Display| VideoError::Unsupported {
            encoder: NAME.into(),
            what: error.to_string(),
        };
        let context = if config.layout.bit_depth() == 8 {
            Depth::Eight(Box::new(whole.new_context().map_err(|error| refused(&error))?))
        } else {
            Depth::Ten(Box::new(whole.new_context().map_err(|error| refused(&error))?))
        };
        Ok(Self(context))
    }
}

fn send<T: Pixel>(context: &mut Context<T>, planar: &Planar, key: bool) -> Result<(), VideoError> {
    let mut frame = context.new_frame();
    for (index, plane) in frame.planes.iter_mut().enumerate() {
        plane.copy_from_raw_u8(&planar.planes[index], planar.strides[index], size_of::<T>());
    }
    let parameters = FrameParameters {
        frame_type_override: if key { FrameTypeOverride::Key } else { FrameTypeOverride::No },
        opaque: None,
        t35_metadata: Box::new([]),
    };
    context.send_frame((frame, parameters)).map_err(failed)
}

/// The next packet, or none before the next picture comes.
fn receive<T: Pixel>(context: &mut Context<T>) -> Result<Option<Packet>, VideoError> {
    loop {
        match context.receive_packet() {
            Ok(packet) => {
                let data = packet.data.strip_prefix(&TEMPORAL_DELIMITER).unwrap_or(&packet.data);
                let number = packet.input_frameno as i64;
                let key = packet.frame_type == FrameType::KEY;
                return Ok(Some(Packet { data: data.to_vec(), key, pts: number, dts: number }));
            }
            // A picture that is not shown has been encoded.
            Err(EncoderStatus::Encoded) => {}
            Err(EncoderStatus::NeedMoreData | EncoderStatus::LimitReached) => return Ok(None),
            Err(status) => return Err(failed(status)),
        }
    }
}

fn failed(status: EncoderStatus) -> VideoError {
    VideoError::Encoder { encoder: NAME.into(), reason: status.to_string() }
}

impl Backend for Library {
    fn encode(
        &mut self,
        planar: &Planar,
        _: u64,
        request: FrameRequest<'_>,
    ) -> Result<Option<Packet>, VideoError> {
        match &mut self.0 {
            Depth::Eight(context) => send(context, planar, request.key)?,
            Depth::Ten(context) => send(context, planar, request.key)?,
        }
        self.poll()
    }

    fn poll(&mut self) -> Result<Option<Packet>, VideoError> {
        match &mut self.0 {
            Depth::Eight(context) => receive(context),
            Depth::Ten(context) => receive(context),
        }
    }

    fn finish(&mut self, _: u64) -> Result<Vec<Packet>, VideoError> {
        match &mut self.0 {
            Depth::Eight(context) => context.flush(),
            Depth::Ten(context) => context.flush(),
        }
        std::iter::from_fn(|| self.poll().transpose()).collect()
    }
}
