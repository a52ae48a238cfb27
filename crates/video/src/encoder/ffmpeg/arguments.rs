//! What FFmpeg is told.

use super::codec_of;
use crate::VideoError;
use crate::encoder::{Codec, EncoderConfig, Layout, Matrix, Preset, Rate};

/// Bytes of parameter sets that key frames get here, which the encoder does not count.
const PARAMETER_SETS: u32 = 64;

pub(super) struct Plan {
    pub(super) codec: Codec,
    /// What the sides of pictures are rounded up to.
    pub(super) padding: usize,
    pub(super) arguments: Vec<String>,
}

/// Encoders whose buffer model holds every frame below a size.
pub(super) fn holds_frame_size(name: &str) -> bool {
    name == "libx264"
}

/// The whole command line.
pub(super) fn plan(name: &str, config: &EncoderConfig, extra: &[String]) -> Result<Plan, VideoError> {
    config.validate()?;
    let fail = |what: &str| VideoError::Unsupported { encoder: format!("ffmpeg:{name}"), what: what.into() };
    let codec = codec_of(name).ok_or_else(|| {
        fail("its name does not say that it makes H.264, H.265 or AV1, which are taken here")
    })?;
    // These two code odd sides as they are; SVT-AV1 before 2 refuses them, and the others' streams have none.
    let any_size = config.layout.full_chroma() || matches!(name, "libaom-av1" | "librav1e");
    let padding = if any_size { 1 } else { 2 };
    let (w, h) = (config.width.next_multiple_of(padding), config.height.next_multiple_of(padding));
    let (numerator, denominator) = config.frame_rate();
    let matrix = match config.color.matrix {
        Matrix::Bt709 => "bt709",
        Matrix::Bt601 => "smpte170m",
    };
    let range = if config.color.full_range { "pc" } else { "tv" };
    let mut words = Words::default();
    words.add("-hide_banner -nostats -loglevel error");
    if name.ends_with("_vaapi") {
        words.add("-vaapi_device /dev/dri/renderD128");
    }
    words.add(&format!(
        "-f rawvideo -pix_fmt {} -video_size {w}x{h} -framerate {numerator}/{denominator} -color_range {range} \
         -colorspace {matrix} -i pipe:0 -an",
        pixel_format(config.layout)
    ));
    // FFmpeg before 7 takes the signalling from the encoder's options and later ones from the pictures: say it twice.
    let mut filter =
        format!("setparams=range={range}:colorspace={matrix}:color_primaries=bt709:color_trc=iec61966-2-1");
    if name.ends_with("_vaapi") {
        filter.push_str(if config.layout.bit_depth() > 8 { ",format=p010" } else { ",format=nv12" });
        filter.push_str(",hwupload");
    }
    words.add(&format!("-vf {filter}"));
    words.add(&format!(
        "-color_range {range} -colorspace {matrix} -color_primaries bt709 -color_trc iec61966-2-1 -c:v {name}"
    ));
    if !config.layout.full_chroma() {
        // AV1 can leave it open.
        words.add("-chroma_sample_location left");
    }
    words.add(&format!("-g {}", if config.key_interval == 0 { 1 << 20 } else { config.key_interval }));
    if config.threads > 0 {
        words.add(&format!("-threads {}", config.threads));
    }
    encoder_options(&mut words, name, config).map_err(|what| fail(&what))?;
    words.0.extend(extra.iter().cloned());
    words.add("-flush_packets 1");
    if name == "libx264" {
        // It puts several hundred bytes about its settings before the first picture, and counts them nowhere.
        words.add("-bsf:v filter_units=remove_types=6");
    }
    words.add(match codec {
        // Both say how long each packet is before it comes, so that none waits for the next one.
        Codec::H264 => "-f flv -flvflags no_duration_filesize",
        Codec::Av1 => "-f ivf",
        Codec::H265 => "-bsf:v hevc_metadata=aud=insert -f hevc",
    });
    words.add("pipe:1");
    Ok(Plan { codec, padding: padding as usize, arguments: words.0 })
}

#[derive(Default)]
struct Words(Vec<String>);

impl Words {
    fn add(&mut self, words: &str) {
        self.0.extend(words.split_whitespace().map(str::to_owned));
    }
}

fn pixel_format(layout: Layout) -> &'static str {
    match layout.planar() {
        Layout::I444 => "yuv444p",
        Layout::I420P10 => "yuv420p10le",
        Layout::I444P10 => "yuv444p10le",
        _ => "yuv420p",
    }
}

/// Rate, speed and delay, which every encoder calls something else.
fn encoder_options(words: &mut Words, name: &str, config: &EncoderConfig) -> Result<(), String> {
    let live = config.preset == Preset::LowLatency;
    let (numerator, denominator) = config.frame_rate();
    match (name, config.rate) {
        ("libx264" | "libx265" | "libsvtav1", Rate::Quality(quality)) => {
            words.add(&format!("-crf {}", quality_number(name, quality)));
        }
        ("libaom-av1", Rate::Quality(quality)) => words.add(&format!("-crf {} -b:v 0", quality.round())),
        ("librav1e", Rate::Quality(quality)) => {
            words.add(&format!("-qp {}", (quality * 255.0 / 63.0).round()));
        }
        (_, Rate::Quality(quality)) if name.ends_with("_nvenc") => {
            words.add(&format!("-rc constqp -qp {}", quality.round()));
        }
        (_, Rate::Quality(quality)) if name.ends_with("_vaapi") => {
            words.add(&format!("-rc_mode CQP -qp {}", quality.round()));
        }
        (_, Rate::Quality(_)) => {
            return Err("how it takes a constant quality is not known here; give a bit rate".into());
        }
        (_, Rate::Bitrate(bits)) => words.add(&format!("-b:v {bits}")),
    }
    if let Some(bytes) = config.max_frame_bytes {
        let bits = u64::from(bytes.saturating_sub(PARAMETER_SETS)) * 8;
        let rate = bits * u64::from(numerator) / u64::from(denominator);
        words.add(&format!("-bufsize {bits} -maxrate {rate}"));
    }
    match name {
        "libx264" => words.add(if live {
            "-preset veryfast -tune zerolatency -sc_threshold 0"
        } else {
            "-preset medium"
        }),
        "libx265" => {
            words.add(if live { "-preset veryfast -tune zerolatency" } else { "-preset medium" });
            // Its raw stream carries no times, so pictures keep their order.
            words.add("-bf 0 -x265-params log-level=error:repeat-headers=1:bframes=0:scenecut=0");
        }
        "libsvtav1" => {
            words.add(if live { "-preset 10 -svtav1-params pred-struct=1:lookahead=0" } else { "-preset 6" })
        }
        "libaom-av1" => {
            words.add(if live { "-usage realtime -cpu-used 9 -lag-in-frames 0" } else { "-cpu-used 5" });
        }
        "librav1e" => words.add(if live { "-speed 10 -rav1e-params low_latency=true" } else { "-speed 6" }),
        _ if name.ends_with("_nvenc") => words.add(if live {
            "-preset p3 -tune ull -zerolatency 1 -delay 0 -bf 0"
        } else {
            "-preset p6 -tune hq -bf 0"
        }),
        _ if name.ends_with("_videotoolbox") => words.add(if live { "-realtime 1 -bf 0" } else { "-bf 0" }),
        _ => words.add("-bf 0"),
    }
    Ok(())
}

/// x264's and x265's rate factors have fractions; the others' are whole.
fn quality_number(name: &str, quality: f32) -> String {
    if name == "libsvtav1" { format!("{}", quality.round()) } else { format!("{quality}") }
}
