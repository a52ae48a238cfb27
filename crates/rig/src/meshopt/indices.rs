//! Modes 1 and 2: indices of triangles, and other indices.

use super::stream::{Stream, unzigzag};

/// The 16 latest entries, of which 0 is the last.
struct Recent<T> {
    entries: [Option<T>; 16],
    next: usize,
}

impl<T: Copy> Recent<T> {
    fn new() -> Self {
        Self { entries: [None; 16], next: 0 }
    }

    fn push(&mut self, entry: T) {
        self.entries[self.next] = Some(entry);
        self.next = (self.next + 1) % 16;
    }

    fn get(&self, age: u8) -> Result<T, &'static str> {
        let at = (self.next + 15 - usize::from(age & 15)) % 16;
        self.entries[at].ok_or("the compressed data refers to a triangle before its first")
    }
}

/// Indices as the buffer view stores them.
struct Indices {
    bytes: Vec<u8>,
    stride: usize,
}

impl Indices {
    fn new(count: usize, stride: usize) -> Result<Self, &'static str> {
        if stride != 2 && stride != 4 {
            return Err("its stride is neither 2 nor 4");
        }
        Ok(Self { bytes: Vec::with_capacity(count * stride), stride })
    }

    fn push(&mut self, index: u32) {
        self.bytes.extend_from_slice(&index.to_le_bytes()[..self.stride]);
    }
}

pub(super) fn sequence(bytes: &[u8], count: usize, stride: usize) -> Result<Vec<u8>, &'static str> {
    let mut stream = Stream::new(bytes);
    if stream.byte()? != 0xd1 {
        return Err("the compressed data is not of indices, or of another version than 1");
    }
    stream.take_tail(4)?;
    let mut out = Indices::new(count, stride)?;
    let mut last = [0u32; 2];
    for _ in 0..count {
        let code = stream.varint()?;
        let last = &mut last[(code & 1) as usize];
        *last = last.wrapping_add(unzigzag(code >> 1));
        out.push(*last);
    }
    stream.finish()?;
    Ok(out.bytes)
}

/// What the decoder of triangles carries from one to the next.
struct State<'a> {
    data: Stream<'a>,
    /// The lowest index that has not been named.
    next: u32,
    /// The last index that was written out.
    last: u32,
    edges: Recent<(u32, u32)>,
    vertices: Recent<u32>,
}

impl State<'_> {
    fn new_vertex(&mut self) -> u32 {
        let index = self.next;
        self.next = self.next.wrapping_add(1);
        index
    }

    fn written_out(&mut self) -> Result<u32, &'static str> {
        self.last = self.last.wrapping_add(unzigzag(self.data.varint()?));
        Ok(self.last)
    }

    /// The vertex for half a byte: 0 for a new one, 15 for one that is written out, else one of the latest.
    fn vertex(&mut self, code: u8) -> Result<u32, &'static str> {
        match code {
            0 => Ok(self.new_vertex()),
            15 => self.written_out(),
            recent => self.vertices.get(recent - 1),
        }
    }

    /// A triangle without an edge of those before; `codes` are those of its second and third vertex.
    fn apart(&mut self, a: u32, codes: u8) -> Result<[u32; 3], &'static str> {
        let (second, third) = (codes >> 4, codes & 15);
        let b = self.vertex(second)?;
        let c = self.vertex(third)?;
        self.edges.push((b, a));
        self.edges.push((c, b));
        self.edges.push((a, c));
        self.vertices.push(a);
        for (vertex, code) in [(b, second), (c, third)] {
            if matches!(code, 0 | 15) {
                self.vertices.push(vertex);
            }
        }
        Ok([a, b, c])
    }

    fn triangle(&mut self, code: u8, aux: &[u8]) -> Result<[u32; 3], &'static str> {
        let (edge, third) = (code >> 4, code & 15);
        if edge < 15 {
            let (a, b) = self.edges.get(edge)?;
            let c = match third {
                13 | 14 => {
                    self.last =
                        if third == 13 { self.last.wrapping_sub(1) } else { self.last.wrapping_add(1) };
                    self.last
                }
                15 => self.written_out()?,
                0 => self.new_vertex(),
                recent => self.vertices.get(recent)?,
            };
            self.edges.push((c, b));
            self.edges.push((a, c));
            if !(1..13).contains(&third) {
                self.vertices.push(c);
            }
            return Ok([a, b, c]);
        }
        if let Some(&codes) = aux.get(usize::from(third)).filter(|_| third < 14) {
            let a = self.new_vertex();
            return self.apart(a, codes);
        }
        let codes = self.data.byte()?;
        if codes == 0 {
            self.next = 0;
        }
        let a = if third == 14 { self.new_vertex() } else { self.written_out()? };
        self.apart(a, codes)
    }
}

pub(super) fn triangles(bytes: &[u8], count: usize, stride: usize) -> Result<Vec<u8>, &'static str> {
    let mut stream = Stream::new(bytes);
    if stream.byte()? != 0xe1 {
        return Err("the compressed data is not of triangles, or of another version than 1");
    }
    if !count.is_multiple_of(3) {
        return Err("its count is not a multiple of 3");
    }
    let aux = stream.take_tail(16)?;
    if aux.ends_with(&[0, 0]) && aux.iter().all(|&pair| pair >> 4 != 15 && pair & 15 != 15) {
        let codes = stream.take(count / 3)?;
        let (edges, vertices) = (Recent::new(), Recent::new());
        let mut state = State { data: stream, next: 0, last: 0, edges, vertices };
        let mut out = Indices::new(count, stride)?;
        for &code in codes {
            state.triangle(code, aux)?.into_iter().for_each(|index| out.push(index));
        }
        state.data.finish()?;
        return Ok(out.bytes);
    }
    Err("the table at the end of the compressed data is not one of triangles")
}
