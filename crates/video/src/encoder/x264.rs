//! H.264 by x264, linked in. x264 is under the GNU GPL: what is built with this feature is, too.
#![expect(unsafe_code, reason = "x264 is a C library")]

use std::ffi::CStr;
use std::ptr::{self, NonNull};

use x264_sys as sys;

use super::{
    Backend, Capabilities, Codec, EncoderConfig, FrameRequest, Gated, Layout, Packet, Planar, Preset, Rate,
};
use crate::VideoError;

const NAME: &str = "x264";

/// H.264 at 8 or 10 bits, 4:2:0 or 4:4:4, with a quality map for every picture.
///
/// Constant quality is x264's rate factor. With [`EncoderConfig::max_frame_bytes`] its buffer model is given room for
/// one frame of that size. 4:2:0 sides are rounded up to even numbers of pixels.
pub type X264 = Gated<Library>;

/// x264.
pub struct Library {
    encoder: NonNull<sys::x264_t>,
    csp: i32,
    /// The map of the picture being encoded, and of those x264 still holds: it reads a map before `encode` returns,
    /// but nothing promises that.
    offsets: Vec<Box<[f32]>>,
}

// SAFETY: an `x264_t` is reached only through the `Library` that owns it, whose methods take `&mut self`; x264 keeps no
// state of the thread that calls it (its own threads are inside).
unsafe impl Send for Library {}

impl X264 {
    /// # Errors
    /// [`VideoError::Settings`], [`VideoError::Unsupported`], [`VideoError::Encoder`] if x264 refuses the settings.
    pub fn new(config: &EncoderConfig) -> Result<Self, VideoError> {
        let capabilities = Capabilities {
            name: NAME.into(),
            layouts: Layout::ALL,
            alpha: false,
            quality_map: true,
            key_on_request: true,
            max_frame_bytes: true,
        };
        let padding = if config.layout.full_chroma() { 1 } else { 2 };
        Self::open(capabilities, Codec::H264, config, padding, || Library::open(config))
    }
}

impl Library {
    fn open(config: &EncoderConfig) -> Result<Self, VideoError> {
        let full_chroma = config.layout.full_chroma();
        let (width, height) = config.coded_size();
        let live = config.preset == Preset::LowLatency;
        let (preset, tune): (&CStr, Option<&CStr>) =
            if live { (c"veryfast", Some(c"zerolatency")) } else { (c"medium", None) };

        // SAFETY: `x264_param_t` is plain data for which zeros are a value; `x264_param_default_preset` fills it.
        let mut parameters: sys::x264_param_t = unsafe { std::mem::zeroed() };
        // SAFETY: both names are ended by zero (or null, which x264 takes for none) and `parameters` outlives the call.
        let status = unsafe {
            sys::x264_param_default_preset(
                &raw mut parameters,
                preset.as_ptr(),
                tune.map_or(ptr::null(), CStr::as_ptr),
            )
        };
        if status < 0 {
            return Err(failed("its presets are not known to the library"));
        }
        let (numerator, denominator) = config.frame_rate();
        let deep = config.layout.bit_depth() > 8;
        let csp = (if full_chroma { sys::X264_CSP_I444 } else { sys::X264_CSP_I420 }
            | if deep { sys::X264_CSP_HIGH_DEPTH } else { 0 }) as i32;
        parameters.i_log_level = sys::X264_LOG_NONE;
        parameters.i_threads = i32::from(config.threads);
        parameters.i_width = width as i32;
        parameters.i_height = height as i32;
        parameters.i_csp = csp;
        parameters.i_bitdepth = config.layout.bit_depth() as i32;
        parameters.i_fps_num = numerator;
        parameters.i_fps_den = denominator;
        parameters.i_timebase_num = denominator;
        parameters.i_timebase_den = numerator;
        parameters.b_vfr_input = 0;
        parameters.b_repeat_headers = 1;
        parameters.b_annexb = 1;
        parameters.i_keyint_max = match config.key_interval {
            0 => sys::X264_KEYINT_MAX_INFINITE as i32,
            interval => i32::try_from(interval).unwrap_or(i32::MAX),
        };
        if live {
            // A cut in the scene may make a frame large; only the interval and requests make key frames.
            parameters.i_scenecut_threshold = 0;
        }
        parameters.vui.b_fullrange = i32::from(config.color.full_range);
        parameters.vui.i_colorprim = i32::from(super::ColorInfo::PRIMARIES);
        parameters.vui.i_transfer = i32::from(super::ColorInfo::TRANSFER);
        parameters.vui.i_colmatrix = i32::from(config.color.matrix_code());
        let bits_a_frame = config.max_frame_bytes.map(|bytes| f64::from(bytes) * 8.0);
        match config.rate {
            Rate::Quality(quality) => {
                parameters.rc.i_rc_method = sys::X264_RC_CRF as i32;
                parameters.rc.f_rf_constant = quality;
            }
            Rate::Bitrate(bits) => {
                parameters.rc.i_rc_method = sys::X264_RC_ABR as i32;
                parameters.rc.i_bitrate = bits.div_ceil(1000) as i32;
            }
        }
        if let Some(bits) = bits_a_frame {
            // A buffer of one frame, filled again before the next: no frame may be larger. In kilobits, rounded down.
            let rate = bits * f64::from(numerator) / f64::from(denominator);
            parameters.rc.i_vbv_buffer_size = ((bits / 1000.0) as i32).max(1);
            parameters.rc.i_vbv_max_bitrate = ((rate / 1000.0).min(2e9) as i32).max(1);
            if let Rate::Bitrate(_) = config.rate {
                parameters.rc.i_bitrate = parameters.rc.i_bitrate.min(parameters.rc.i_vbv_max_bitrate);
            }
        }
        // Without adaptive quantisation x264 does not look at the map.
        parameters.rc.i_aq_mode = parameters.rc.i_aq_mode.max(sys::X264_AQ_VARIANCE as i32);

        // SAFETY: `parameters` is initialised and x264 copies it.
        let encoder = NonNull::new(unsafe { sys::x264_encoder_open(&raw mut parameters) });
        // SAFETY: what x264 allocated for these parameters is freed once, after its copy was made.
        unsafe { sys::x264_param_cleanup(&raw mut parameters) };
        let encoder = encoder.ok_or_else(|| {
            failed(&format!("it refuses {}x{} {:?}", config.width, config.height, config.layout))
        })?;
        Ok(Self { encoder, csp, offsets: Vec::new() })
    }

    /// Encodes what `picture` points at, or gives out what is delayed.
    fn call(&mut self, picture: Option<&mut sys::x264_picture_t>) -> Result<Option<Packet>, VideoError> {
        let mut nals: *mut sys::x264_nal_t = ptr::null_mut();
        let mut count = 0;
        // SAFETY: `x264_picture_t` is plain data for which zeros are a value; `x264_encoder_encode` fills it.
        let mut out: sys::x264_picture_t = unsafe { std::mem::zeroed() };
        // SAFETY: the encoder is open; the picture, null to drain, points at planes that live until this returns; the
        // three outputs are valid for writing.
        let size = unsafe {
            sys::x264_encoder_encode(
                self.encoder.as_ptr(),
                &raw mut nals,
                &raw mut count,
                picture.map_or(ptr::null_mut(), ptr::from_mut),
                &raw mut out,
            )
        };
        if size < 0 {
            return Err(failed("it failed to encode a picture"));
        }
        if size == 0 || count <= 0 || nals.is_null() {
            return Ok(None);
        }
        // SAFETY: x264.h: the payloads of all units lie one after another from the first one's on, `size` bytes in
        // all, and stay until the next call.
        let data = unsafe { std::slice::from_raw_parts((*nals).p_payload, size as usize) }.to_vec();
        Ok(Some(Packet { data, key: out.b_keyframe != 0, pts: out.i_pts, dts: out.i_dts }))
    }

    /// Pictures given that have not come out.
    fn delayed(&self) -> usize {
        // SAFETY: the encoder is open; this only reads from it.
        let count = unsafe { sys::x264_encoder_delayed_frames(self.encoder.as_ptr()) };
        usize::try_from(count).unwrap_or(0)
    }
}

fn failed(reason: &str) -> VideoError {
    VideoError::Encoder { encoder: NAME.into(), reason: reason.into() }
}

impl Backend for Library {
    fn encode(
        &mut self,
        planar: &Planar,
        number: u64,
        request: FrameRequest<'_>,
    ) -> Result<Option<Packet>, VideoError> {
        // SAFETY: `x264_picture_t` is plain data for which zeros are a value; `x264_picture_init` fills it.
        let mut input: sys::x264_picture_t = unsafe { std::mem::zeroed() };
        // SAFETY: `input` is valid for writing.
        unsafe { sys::x264_picture_init(&raw mut input) };
        input.i_pts = number as i64;
        input.i_type = (if request.key { sys::X264_TYPE_IDR } else { sys::X264_TYPE_AUTO }) as i32;
        input.img.i_csp = self.csp;
        input.img.i_plane = 3;
        for index in 0..3 {
            input.img.i_stride[index] = planar.strides[index] as i32;
            // x264 copies the planes and writes to none.
            input.img.plane[index] = planar.planes[index].as_ptr().cast_mut();
        }
        if let Some(map) = request.quality_map {
            let done = self.offsets.len().saturating_sub(self.delayed());
            self.offsets.drain(..done);
            self.offsets.push(map.offsets.clone().into_boxed_slice());
            // One entry a macroblock, row after row; their number was checked. No callback: `self.offsets` owns them.
            input.prop.quant_offsets =
                self.offsets.last_mut().map_or(ptr::null_mut(), |map| map.as_mut_ptr());
        }
        self.call(Some(&mut input))
    }

    fn finish(&mut self, _: u64) -> Result<Vec<Packet>, VideoError> {
        let mut packets = Vec::new();
        while self.delayed() > 0 {
            packets.extend(self.call(None)?);
        }
        Ok(packets)
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        // SAFETY: opened in `new`, closed here and nowhere else; no payload of it is borrowed.
        unsafe { sys::x264_encoder_close(self.encoder.as_ptr()) };
    }
}
