//! H.264 by Cisco's openh264.

use openh264::OpenH264API;
use openh264::encoder::{
    BitRate, ColorPrimaries, FrameRate, FrameType, IntraFramePeriod, MatrixCoefficients, QpRange,
    RateControlMode, TransferCharacteristics, VuiConfig,
};
use openh264::formats::YUVSlices;

use super::{
    Backend, Capabilities, Codec, EncoderConfig, FrameRequest, Gated, Layout, Matrix, Packet, Planar, Preset,
    Rate,
};
use crate::VideoError;

const NAME: &str = "openh264";
/// What it can encode: level 5.2.
const MAX_LONG: u32 = 3840;
const MAX_SHORT: u32 = 2160;
const MIN: u32 = 16;
/// The best quantiser that its rate control goes to (`GOM_MIN_QP_MODE`).
const MIN_QP: u8 = 12;

/// H.264 in the constrained baseline profile, 8 bits, 4:2:0; no delay in either preset.
///
/// Constant quality is a constant quantiser, from 12 on: better ones are taken as 12. Sides are rounded up to even
/// numbers of pixels. It takes no quality map and cannot hold frames below a size.
pub type OpenH264 = Gated<Library>;

/// openh264.
pub struct Library(openh264::encoder::Encoder);

impl OpenH264 {
    /// # Errors
    /// [`VideoError::Settings`], [`VideoError::Unsupported`] for sizes over 3840 × 2160, under 16 × 16, layouts other
    /// than 8 bits 4:2:0.
    pub fn new(config: &EncoderConfig) -> Result<Self, VideoError> {
        let capabilities = Capabilities {
            name: NAME.into(),
            layouts: &[Layout::I420, Layout::Nv12],
            alpha: false,
            quality_map: false,
            key_on_request: true,
            max_frame_bytes: false,
        };
        Self::open(capabilities, Codec::H264, config, 2, || Library::open(config))
    }
}

impl Library {
    fn open(config: &EncoderConfig) -> Result<Self, VideoError> {
        let (long, short) = (config.width.max(config.height), config.width.min(config.height));
        // Odd sides are rounded up, so 15 is encoded as 16.
        if long > MAX_LONG || !(MIN - 1..=MAX_SHORT).contains(&short) {
            return Err(VideoError::Unsupported {
                encoder: NAME.into(),
                what: format!(
                    "{}x{}: {MIN}x{MIN} to {MAX_LONG}x{MAX_SHORT} can be encoded",
                    config.width, config.height
                ),
            });
        }
        let vui = VuiConfig::new()
            .color_primaries(ColorPrimaries::Bt709)
            .transfer_characteristics(TransferCharacteristics::Srgb)
            .matrix_coefficients(match config.color.matrix {
                Matrix::Bt709 => MatrixCoefficients::Bt709,
                Matrix::Bt601 => MatrixCoefficients::Smpte170M,
            })
            .full_range(config.color.full_range);
        let base = openh264::encoder::EncoderConfig::new()
            .max_frame_rate(FrameRate::from_hz(config.fps as f32))
            .skip_frames(false)
            .scene_change_detect(config.preset == Preset::Offline)
            .num_threads(config.threads)
            .intra_frame_period(IntraFramePeriod::from_num_frames(config.key_interval))
            .vui(vui);
        let settings = match config.rate {
            Rate::Quality(quality) => {
                let qp = (quality.round() as u8).clamp(MIN_QP, 51);
                // Its mode without rate control always takes one and the same quantiser; a range of one quantiser
                // leaves the mode with rate control no choice either. The rate is only checked against the level.
                base.rate_control_mode(RateControlMode::Quality)
                    .bitrate(BitRate::from_bps(20_000_000))
                    .qp(QpRange::new(qp, qp))
                    .adaptive_quantization(false)
                    .background_detection(false)
            }
            Rate::Bitrate(bits) => base
                .rate_control_mode(RateControlMode::Bitrate)
                .bitrate(BitRate::from_bps(bits))
                .qp(QpRange::new(MIN_QP, 51)),
        };
        let mut encoder = openh264::encoder::Encoder::with_api_config(OpenH264API::from_source(), settings)
            .map_err(|error| failed(&error))?;
        quiet(&mut encoder);
        Ok(Self(encoder))
    }
}

/// Keeps it from writing to standard error, which belongs to the program; it would, of modes that do not skip pictures.
fn quiet(encoder: &mut openh264::encoder::Encoder) {
    /// `ENCODER_OPTION_TRACE_LEVEL` of openh264's `codec_app_def.h`.
    const TRACE_LEVEL: i32 = 25;
    let mut level: i32 = 0;
    // SAFETY: this option is taken before the encoder's start, is read as 32 bits and is not kept by address.
    #[expect(unsafe_code, reason = "the crate sets it only after the start, too late for the warning")]
    unsafe {
        encoder.raw_api().set_option(TRACE_LEVEL, (&raw mut level).cast());
    }
}

fn failed(error: &openh264::Error) -> VideoError {
    VideoError::Encoder { encoder: NAME.into(), reason: error.to_string() }
}

impl Backend for Library {
    fn encode(
        &mut self,
        planar: &Planar,
        number: u64,
        request: FrameRequest<'_>,
    ) -> Result<Option<Packet>, VideoError> {
        let [y, u, v] = &planar.planes;
        let source = YUVSlices::new(
            (y, u, v),
            (planar.width, planar.height),
            (planar.strides[0], planar.strides[1], planar.strides[2]),
        );
        // The first picture is a key frame by itself, and the encoder is not there before it.
        if request.key && number > 0 {
            self.0.force_intra_frame();
        }
        let stream = self.0.encode(&source).map_err(|error| failed(&error))?;
        let key = matches!(stream.frame_type(), FrameType::IDR);
        let mut data = Vec::new();
        stream.write_vec(&mut data);
        if data.is_empty() {
            return Ok(None);
        }
        Ok(Some(Packet { data, key, pts: number as i64, dts: number as i64 }))
    }

    fn finish(&mut self, _: u64) -> Result<Vec<Packet>, VideoError> {
        Ok(Vec::new())
    }
}
