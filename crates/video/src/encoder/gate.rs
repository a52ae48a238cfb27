//! What all encoders share: checks of settings and pictures, and planes as libraries want them.

use super::{
    Capabilities, Codec, ColorInfo, Encoder, EncoderConfig, FrameRequest, Layout, Packet, Picture, Planar,
};
use crate::VideoError;

/// What encoders differ in.
pub trait Backend: Send {
    /// Encodes a picture that was found to fit, the `number`th from 0. What comes back may belong to an earlier one.
    ///
    /// # Errors
    /// As [`Encoder::encode`].
    fn encode(
        &mut self,
        picture: &Planar,
        number: u64,
        request: FrameRequest<'_>,
    ) -> Result<Option<Packet>, VideoError>;

    /// As [`Encoder::poll`].
    ///
    /// # Errors
    /// As [`Encoder::encode`].
    fn poll(&mut self) -> Result<Option<Packet>, VideoError> {
        Ok(None)
    }

    /// Ends the stream after so many pictures, once. Gives the packets still under way.
    ///
    /// # Errors
    /// As [`Encoder::encode`].
    fn finish(&mut self, pictures: u64) -> Result<Vec<Packet>, VideoError>;
}

/// An encoder: settings are checked against its abilities, then each picture against the settings, and its planes are
/// separated and padded.
pub struct Gated<B> {
    capabilities: Capabilities,
    size: (u32, u32),
    layout: Layout,
    color: ColorInfo,
    frames: u64,
    finished: bool,
    /// What sides of planes are multiples of.
    padding: usize,
    planar: Planar,
    backend: B,
}

impl<B> Gated<B> {
    /// Makes the encoder if its settings have a meaning and it can do what they ask. Sides are padded to multiples of
    /// `padding`.
    pub(super) fn open(
        capabilities: Capabilities,
        codec: Codec,
        config: &EncoderConfig,
        padding: usize,
        backend: impl FnOnce() -> Result<B, VideoError>,
    ) -> Result<Self, VideoError> {
        config.validate()?;
        let fail = |what: String| Err(VideoError::Unsupported { encoder: capabilities.name.clone(), what });
        if config.codec != codec {
            return fail(format!("it makes {codec:?} and not {:?}", config.codec));
        }
        if !capabilities.layouts.contains(&config.layout) {
            return fail(format!("it takes {:?} and not {:?}", capabilities.layouts, config.layout));
        }
        if config.max_frame_bytes.is_some() && !capabilities.max_frame_bytes {
            return fail("it cannot hold frames below a number of bytes".into());
        }
        Ok(Self {
            size: (config.width, config.height),
            layout: config.layout,
            color: config.color,
            frames: 0,
            finished: false,
            padding,
            planar: Planar::default(),
            backend: backend()?,
            capabilities,
        })
    }

    /// Checks one picture and returns its number.
    fn admit(&mut self, picture: &Picture<'_>, request: &FrameRequest<'_>) -> Result<u64, VideoError> {
        let encoder = || self.capabilities.name.clone();
        if self.finished {
            return Err(VideoError::Unsupported {
                encoder: encoder(),
                what: "a picture after the stream's end".into(),
            });
        }
        let found = (picture.width, picture.height);
        if found != self.size {
            return Err(VideoError::Size { frame: self.frames, expected: self.size, found });
        }
        if picture.layout != self.layout || picture.color != self.color {
            return Err(VideoError::Picture(format!(
                "picture {} is {:?}, {:?} and the stream {:?}, {:?}",
                self.frames, picture.layout, picture.color, self.layout, self.color
            )));
        }
        picture.validate()?;
        if let Some(map) = request.quality_map {
            if !self.capabilities.quality_map {
                return Err(VideoError::Unsupported {
                    encoder: encoder(),
                    what: "it takes no quality map".into(),
                });
            }
            map.validate(picture.width, picture.height)?;
        }
        if request.key && self.frames > 0 && !self.capabilities.key_on_request {
            return Err(VideoError::Unsupported {
                encoder: encoder(),
                what: "it makes no key frame on request; set the interval between them".into(),
            });
        }
        self.frames += 1;
        Ok(self.frames - 1)
    }
}

impl<B: Backend> Encoder for Gated<B> {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn encode(
        &mut self,
        picture: &Picture<'_>,
        request: FrameRequest<'_>,
    ) -> Result<Option<Packet>, VideoError> {
        let number = self.admit(picture, &request)?;
        self.planar.load(picture, self.padding);
        let found = self.backend.encode(&self.planar, number, request);
        // After an error the stream is over.
        self.finished |= found.is_err();
        found
    }

    fn poll(&mut self) -> Result<Option<Packet>, VideoError> {
        let found = self.backend.poll();
        self.finished |= found.is_err();
        found
    }

    fn finish(&mut self) -> Result<Vec<Packet>, VideoError> {
        match std::mem::replace(&mut self.finished, true) {
            true => Ok(Vec::new()),
            false => self.backend.finish(self.frames),
        }
    }
}
