//! What of an MP4's pictures is meant to be seen.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::rect::Rect;

/// The visible part of a video's pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanAperture {
    /// Width and height of the pictures as they are coded, pixels.
    pub coded: (usize, usize),
    /// What of them is seen.
    pub rect: Rect,
}

/// Bytes of a visual sample entry before its boxes (ISO/IEC 14496-12, 12.1.3), its header not counted.
const VISUAL_ENTRY: u64 = 78;
/// Boxes that are looked at before the file is given up.
const MOST_BOXES: usize = 1 << 16;
/// 1 in 16.16 bits.
const ONE: [u8; 4] = [0, 1, 0, 0];

/// The clean aperture (`clap`, ISO/IEC 14496-12, 12.1.4) of the first video track of a file, rounded to whole pixels.
/// Encoders of pictures with odd sides code one column or row more than there is, and leave it out by this.
///
/// `None` for other files, those whose pictures are seen whole, and those that are turned when shown.
pub fn clean_aperture(path: &Path) -> Option<CleanAperture> {
    clean_aperture_of(File::open(path).ok()?)
}

/// The same of a file that is open, or in memory.
pub fn clean_aperture_of(mut file: impl Read + Seek) -> Option<CleanAperture> {
    let end = file.seek(SeekFrom::End(0)).ok()?;
    Boxes { file, left: MOST_BOXES }.aperture(end)
}

/// Where a box's content is.
#[derive(Clone, Copy)]
struct Span {
    start: u64,
    end: u64,
}

/// The boxes of a file.
struct Boxes<F> {
    file: F,
    left: usize,
}

impl<F: Read + Seek> Boxes<F> {
    fn aperture(&mut self, end: u64) -> Option<CleanAperture> {
        let movie = self.child(Span { start: 0, end }, b"moov")?;
        let mut rest = movie;
        while let Some((kind, track)) = self.next(&mut rest) {
            if &kind != b"trak" {
                continue;
            }
            let Some(media) = self.child(track, b"mdia") else { continue };
            let Some(handler) = self.child(media, b"hdlr") else { continue };
            if self.bytes::<4>(handler, 8) == Some(*b"vide") {
                return self.of_track(track, media);
            }
        }
        None
    }

    fn of_track(&mut self, track: Span, media: Span) -> Option<CleanAperture> {
        let header = self.child(track, b"tkhd")?;
        let matrix = if self.bytes::<1>(header, 0)? == [1] { 52 } else { 40 };
        // ISO/IEC 14496-12, 8.3.2: a matrix of three columns, of which the last is of no account.
        let turned = [(0, ONE), (4, [0; 4]), (12, [0; 4]), (16, ONE)];
        if turned.into_iter().any(|(at, value)| self.bytes::<4>(header, matrix + at) != Some(value)) {
            return None;
        }
        let information = self.child(media, b"minf")?;
        let tables = self.child(information, b"stbl")?;
        let mut entries = self.child(tables, b"stsd")?;
        entries.start = entries.start.checked_add(8)?;
        let (_, entry) = self.next(&mut entries)?;
        let [width, height] = [24, 26].map(|at| self.bytes::<2>(entry, at).map(u16::from_be_bytes));
        let boxes = Span { start: entry.start.checked_add(VISUAL_ENTRY)?, end: entry.end };
        let fields = self.child(boxes, b"clap")?;
        let fields = self.bytes::<32>(fields, 0)?;
        rect_of(&fields, f64::from(width?), f64::from(height?))
    }

    /// The content of the first box of a kind.
    fn child(&mut self, within: Span, kind: &[u8; 4]) -> Option<Span> {
        let mut rest = within;
        loop {
            let (found, content) = self.next(&mut rest)?;
            if &found == kind {
                return Some(content);
            }
        }
    }

    /// The kind and content of the next box, after which `rest` begins.
    fn next(&mut self, rest: &mut Span) -> Option<([u8; 4], Span)> {
        self.left = self.left.checked_sub(1)?;
        let header = self.bytes::<8>(*rest, 0)?;
        let [size, kind] = [0, 4].map(|at| [header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let (start, size) = match u32::from_be_bytes(size) {
            // To the end.
            0 => (8, rest.end - rest.start),
            1 => (16, u64::from_be_bytes(self.bytes::<8>(*rest, 8)?)),
            size => (8, u64::from(size)),
        };
        let end = rest.start.checked_add(size).filter(|&end| size >= start && end <= rest.end)?;
        let content = Span { start: rest.start + start, end };
        rest.start = end;
        Some((kind, content))
    }

    fn bytes<const N: usize>(&mut self, within: Span, at: u64) -> Option<[u8; N]> {
        let start = within.start.checked_add(at)?;
        start.checked_add(N as u64).filter(|&end| end <= within.end)?;
        let mut bytes = [0; N];
        self.file.seek(SeekFrom::Start(start)).ok()?;
        self.file.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }
}

/// From width, height, and the distances of its centre from the picture's, as fractions of four bytes above four.
fn rect_of(fields: &[u8; 32], width: f64, height: f64) -> Option<CleanAperture> {
    let number = |i: usize| {
        let at = 4 * i;
        [fields[at], fields[at + 1], fields[at + 2], fields[at + 3]]
    };
    let share = |i: usize| {
        let (above, below) = (i32::from_be_bytes(number(i)), i32::from_be_bytes(number(i + 1)));
        let value = f64::from(above) / f64::from(below);
        value.is_finite().then_some(value)
    };
    let side = |seen: f64, moved: f64, whole: f64| {
        let start = ((whole - seen) / 2.0 + moved).round();
        let end = (start + seen.round()).min(whole);
        (start >= 0.0 && end > start).then_some((start as usize, (end - start) as usize))
    };
    let (x, width_seen) = side(share(0)?, share(4)?, width)?;
    let (y, height_seen) = side(share(2)?, share(6)?, height)?;
    let rect = Rect { x, y, width: width_seen, height: height_seen };
    let coded = (width as usize, height as usize);
    (rect != Rect::whole(coded.0, coded.1)).then_some(CleanAperture { coded, rect })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn part(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        [&(content.len() as u32 + 8).to_be_bytes()[..], kind, content].concat()
    }

    /// A file with a sound track and a video track of 128 × 130 pixels, by ISO/IEC 14496-12.
    fn file(matrix: [u32; 9], clap: &[i32]) -> Vec<u8> {
        let numbers = |values: &[i32]| values.iter().flat_map(|v| v.to_be_bytes()).collect::<Vec<_>>();
        let matrix: Vec<u8> = matrix.iter().flat_map(|v| v.to_be_bytes()).collect();
        let handler = |kind: &[u8; 4]| part(b"hdlr", &[&[0; 8], &kind[..], &[0; 13]].concat());
        let mut entry = vec![0; 24];
        entry.extend([0, 128, 0, 130]);
        entry.resize(78, 0);
        entry.extend(part(b"colr", b"nclx\0\x01\0\x0d\0\x01\0"));
        if !clap.is_empty() {
            entry.extend(part(b"clap", &numbers(clap)));
        }
        let description = part(b"stsd", &[&[0, 0, 0, 0, 0, 0, 0, 1][..], &part(b"avc1", &entry)].concat());
        let tables = part(b"stbl", &[part(b"stts", &[0; 8]), description].concat());
        let media = part(b"mdia", &[handler(b"vide"), part(b"minf", &tables)].concat());
        let header = part(b"tkhd", &[&[0; 40][..], &matrix, &[0; 8]].concat());
        let sound = part(b"trak", &part(b"mdia", &handler(b"soun")));
        let movie = part(b"moov", &[sound, part(b"trak", &[header, media].concat())].concat());
        // Media of a size of eight bytes before it.
        let data = [&[0, 0, 0, 1][..], b"mdat", &20_u64.to_be_bytes(), b"data"].concat();
        [part(b"ftyp", b"isom\0\0\0\0"), data, movie].concat()
    }

    const STANDING: [u32; 9] = [1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30];

    fn found(bytes: Vec<u8>) -> Option<CleanAperture> {
        clean_aperture_of(Cursor::new(bytes))
    }

    #[test]
    fn an_aperture_is_found_and_placed() {
        let rect = |x, y, width, height| {
            Some(CleanAperture { coded: (128, 130), rect: Rect { x, y, width, height } })
        };
        // 127 × 129 at the upper left: the centre is half a pixel left of and above the picture's.
        assert_eq!(found(file(STANDING, &[127, 1, 129, 1, -1, 2, -1, 2])), rect(0, 0, 127, 129));
        // 64 × 65 by halves, whose centre is 8 to the right and 4.5 up.
        assert_eq!(found(file(STANDING, &[128, 2, 130, 2, 8, 1, -9, 2])), rect(40, 28, 64, 65));
    }

    #[test]
    fn what_has_none_has_none() {
        for clap in [
            &[][..],
            // The whole picture, no denominator, outside, and nothing left.
            &[128, 1, 130, 1, 0, 1, 0, 1],
            &[127, 0, 129, 1, 0, 1, 0, 1],
            &[127, 1, 129, 1, -1000, 1, 0, 1],
            &[0, 1, 129, 1, 0, 1, 0, 1],
            &[-4, 1, 129, 1, 0, 1, 0, 1],
        ] {
            assert_eq!(found(file(STANDING, clap)), None, "{clap:?}");
        }
        // Turned by 90 degrees.
        let turned = [0, 1 << 16, 0, u32::MAX << 16, 0, 0, 0, 0, 1 << 30];
        assert_eq!(found(file(turned, &[127, 1, 129, 1, -1, 2, -1, 2])), None);
        assert_eq!(found(Vec::new()), None);
    }

    // Cut off anywhere, or with any byte changed, it is read without a panic and never to outside the picture.
    #[test]
    fn broken_files_are_no_harm() {
        let whole = file(STANDING, &[127, 1, 129, 1, -1, 2, -1, 2]);
        for length in 0..whole.len() {
            assert_eq!(found(whole[..length].to_vec()), None);
        }
        for i in 0..whole.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[i] = value;
                if let Some(CleanAperture { coded, rect }) = found(bytes) {
                    assert!(rect.lies_in(coded.0, coded.1), "{i} {value}");
                }
            }
        }
        // Boxes without end.
        let mut boxes =
            Boxes { file: Cursor::new([0, 0, 0, 8, b'f', b'r', b'e', b'e'].repeat(1000)), left: 99 };
        assert_eq!(boxes.aperture(8000), None);
        assert_eq!(boxes.left, 0);
    }
}
