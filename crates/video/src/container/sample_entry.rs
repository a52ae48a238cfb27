//! What `muxide` leaves out of a video's sample entry, put in: colour (`colr`), the visible part of padded pictures
//! (`clap`), the depth and subsampling of H.264's High profiles and of H.265.

use crate::VideoError;
use crate::encoder::EncoderConfig;

/// Bytes before the boxes of a visual sample entry (ISO/IEC 14496-12, 12.1.3), its header counted.
const VISUAL_ENTRY: usize = 86;
/// Bytes before the entries of a sample description, its header counted.
const SAMPLE_DESCRIPTION: usize = 16;
/// H.264 profiles whose configuration tells depth and subsampling (ISO/IEC 14496-15, 5.3.3.1.2).
const HIGH_PROFILES: [u8; 4] = [100, 110, 122, 244];

/// Completes the first track of a `moov` box given whole, `offset` bytes before which the media moves back: its chunk
/// offsets grow by as much as the box if `moves`.
pub(super) fn complete(moov: &mut Vec<u8>, config: &EncoderConfig, moves: bool) -> Result<(), VideoError> {
    let bad = || VideoError::Container("the MP4 writer made a header that cannot be completed".into());
    let before = moov.len();
    let path = path_to_entry(moov).ok_or_else(bad)?;
    let entry = *path.last().ok_or_else(bad)?;
    let mut extra = color_box(config);
    if config.coded_size() != (config.width, config.height) {
        extra.extend(aperture_box(config));
    }
    let end = entry + size_at(moov, entry).ok_or_else(bad)?;
    insert(moov, end, &extra, &path).ok_or_else(bad)?;

    let chroma = if config.layout.full_chroma() { 3 } else { 1 };
    let depth = (config.layout.bit_depth() - 8) as u8;
    if let Some(at) = child(moov, entry, VISUAL_ENTRY, b"hvcC") {
        // ISO/IEC 14496-15, 8.3.3.1.2: bytes 16, 17 and 18 of the configuration.
        let fields = moov.get_mut(at + 24..at + 27).ok_or_else(bad)?;
        fields.copy_from_slice(&[0xfc | chroma, 0xf8 | depth, 0xf8 | depth]);
    }
    if let Some(at) = child(moov, entry, VISUAL_ENTRY, b"avcC") {
        let profile = *moov.get(at + 9).ok_or_else(bad)?;
        if HIGH_PROFILES.contains(&profile) {
            let end = at + size_at(moov, at).ok_or_else(bad)?;
            let mut inner = path.clone();
            inner.push(at);
            insert(moov, end, &[0xfc | chroma, 0xf8 | depth, 0xf8 | depth, 0], &inner).ok_or_else(bad)?;
        }
    }
    if moves {
        let grown = (moov.len() - before) as u32;
        for track in tracks(moov) {
            let tables = tables_of(moov, track).ok_or_else(bad)?;
            let at = child(moov, tables, 8, b"stco").ok_or_else(bad)?;
            let size = size_at(moov, at).ok_or_else(bad)?;
            for offset in moov.get_mut(at + 16..at + size).ok_or_else(bad)?.chunks_exact_mut(4) {
                let value = u32::from_be_bytes([offset[0], offset[1], offset[2], offset[3]]);
                let value = value.checked_add(grown).ok_or_else(bad)?;
                offset.copy_from_slice(&value.to_be_bytes());
            }
        }
    }
    Ok(())
}

/// Says how many samples of an Opus track only its decoder needs (Encapsulation of Opus in ISO Base Media File Format,
/// 4.3.2), if there is such a track beside the video.
pub(super) fn set_pre_skip(moov: &mut [u8], samples: u16) {
    /// Bytes before the boxes of an audio sample entry (ISO/IEC 14496-12, 12.2.3), its header counted.
    const AUDIO_ENTRY: usize = 36;
    for track in tracks(moov) {
        let place = tables_of(moov, track)
            .and_then(|tables| child(moov, tables, 8, b"stsd"))
            .map(|description| description + SAMPLE_DESCRIPTION)
            .filter(|&entry| moov.get(entry + 4..entry + 8) == Some(b"Opus"))
            .and_then(|entry| child(moov, entry, AUDIO_ENTRY, b"dOps"));
        // After the header, a version and the number of channels.
        if let Some(field) = place.and_then(|at| moov.get_mut(at + 10..at + 12)) {
            field.copy_from_slice(&samples.to_be_bytes());
        }
    }
}

/// Positions of the `trak` boxes.
fn tracks(moov: &[u8]) -> Vec<usize> {
    let mut tracks = Vec::new();
    let mut at = 8;
    while let Some(size) = size_at(moov, at) {
        if moov.get(at + 4..at + 8) == Some(b"trak") {
            tracks.push(at);
        }
        at += size;
    }
    tracks
}

/// The position of a track's `stbl`.
fn tables_of(moov: &[u8], track: usize) -> Option<usize> {
    [b"mdia", b"minf", b"stbl"].iter().try_fold(track, |parent, name| child(moov, parent, 8, name))
}

/// ISO/IEC 14496-12, 12.1.5.
fn color_box(config: &EncoderConfig) -> Vec<u8> {
    use crate::encoder::ColorInfo;
    let mut bytes = vec![0, 0, 0, 19];
    bytes.extend(b"colrnclx");
    for code in [ColorInfo::PRIMARIES, ColorInfo::TRANSFER, config.color.matrix_code()] {
        bytes.extend(u16::from(code).to_be_bytes());
    }
    bytes.push(if config.color.full_range { 0x80 } else { 0 });
    bytes
}

/// ISO/IEC 14496-12, 12.1.4: size and the offset of the visible part's centre from the coded one's, as fractions.
fn aperture_box(config: &EncoderConfig) -> Vec<u8> {
    let (w, h) = config.coded_size();
    let offset = |visible: u32, coded: u32| [(visible as i32 - coded as i32) as u32, 2];
    let mut bytes = vec![0, 0, 0, 40];
    bytes.extend(b"clap");
    let fractions =
        [[config.width, 1], [config.height, 1], offset(config.width, w), offset(config.height, h)];
    for number in fractions.as_flattened() {
        bytes.extend(number.to_be_bytes());
    }
    bytes
}

/// Positions of `moov`, `trak`, `mdia`, `minf`, `stbl`, `stsd` and the first sample entry.
fn path_to_entry(moov: &[u8]) -> Option<Vec<usize>> {
    let mut path = vec![0];
    for name in [b"trak", b"mdia", b"minf", b"stbl", b"stsd"] {
        path.push(child(moov, *path.last()?, 8, name)?);
    }
    let entry = path.last()? + SAMPLE_DESCRIPTION;
    size_at(moov, entry)?;
    path.push(entry);
    Some(path)
}

/// The size of the box at `at`, if it lies within `bytes`.
fn size_at(bytes: &[u8], at: usize) -> Option<usize> {
    let size = u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?) as usize;
    (size >= 8 && at.checked_add(size)? <= bytes.len()).then_some(size)
}

/// Where in the box at `parent` the first box of a name is; the parent's boxes start `skip` bytes after it does.
fn child(bytes: &[u8], parent: usize, skip: usize, name: &[u8; 4]) -> Option<usize> {
    let end = parent + size_at(bytes, parent)?;
    let mut at = parent + skip;
    while at < end {
        let size = size_at(bytes, at)?;
        if bytes.get(at + 4..at + 8)? == name {
            return Some(at);
        }
        at += size;
    }
    None
}

/// Puts `extra` at `at` and lets the boxes on `path`, which contain it, grow.
fn insert(bytes: &mut Vec<u8>, at: usize, extra: &[u8], path: &[usize]) -> Option<()> {
    for &parent in path {
        let size = u32::try_from(size_at(bytes, parent)? + extra.len()).ok()?;
        bytes.get_mut(parent..parent + 4)?.copy_from_slice(&size.to_be_bytes());
    }
    bytes.splice(at..at, extra.iter().copied());
    Some(())
}
