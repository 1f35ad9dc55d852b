//! Bodies that come compressed. What they hold is counted as it comes out, so that a small body never becomes a large one.

use std::io::Read;

use axum::http::{HeaderMap, header};
use brotli::Decompressor;
use flate2::read::{GzDecoder, ZlibDecoder};
use zstd::stream::read::Decoder;

use super::parameters::Unread;

/// Bytes that the decoder of brotli reads at a time.
const BUFFER: usize = 4096;
/// What a frame of zstd may look back on, as a power of two: the 8 MiB of RFC 9659.
const MOST_WINDOW: u32 = 23;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Identity,
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Coding {
    /// What is read, for `Accept-Encoding` of a refusal. Source: RFC 9110, section 12.5.3.
    pub const READ: &str = "gzip, deflate, br, zstd";

    /// By the header. None: in a way that is not read here, or in several.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
        match (codings.next(), codings.next()) {
            (None, _) => Some(Self::Identity),
            (Some(only), None) => match only.to_str().ok()?.trim().to_ascii_lowercase().as_str() {
                "identity" => Some(Self::Identity),
                "gzip" => Some(Self::Gzip),
                "deflate" => Some(Self::Deflate),
                "br" => Some(Self::Brotli),
                "zstd" => Some(Self::Zstd),
                _ => None,
            },
            (Some(_), Some(_)) => None,
        }
    }

    /// What `body` holds, unless that is more than `most` bytes. Only its first member or frame is read: a long row of empty ones would cost
    /// time and come to no size.
    pub fn inflate(self, body: Vec<u8>, most: usize) -> Result<Vec<u8>, Unread> {
        let bytes = body.as_slice();
        match self {
            Self::Identity => Ok(body),
            Self::Gzip => taken(GzDecoder::new(bytes), most),
            Self::Deflate => taken(ZlibDecoder::new(bytes), most),
            Self::Brotli => taken(Decompressor::new(bytes, BUFFER), most),
            Self::Zstd => {
                let mut decoder = Decoder::with_buffer(bytes).map_err(|_| Unread::Broken)?.single_frame();
                decoder.window_log_max(MOST_WINDOW).map_err(|_| Unread::Broken)?;
                taken(decoder, most)
            }
        }
    }
}

fn taken(decoder: impl Read, most: usize) -> Result<Vec<u8>, Unread> {
    let mut whole = Vec::new();
    let one_more = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    decoder.take(one_more).read_to_end(&mut whole).map_err(|_| Unread::Broken)?;
    if whole.len() > most { Err(Unread::TooLarge) } else { Ok(whole) }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn of(values: &[&str]) -> Option<Coding> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::CONTENT_ENCODING, HeaderValue::from_str(value).unwrap());
        }
        Coding::of(&headers)
    }

    #[test]
    fn one_known_coding_is_read() {
        assert_eq!(of(&[]), Some(Coding::Identity));
        assert_eq!((of(&["identity"]), of(&["GZip"]), of(&["br"])), (Some(Coding::Identity), Some(Coding::Gzip), Some(Coding::Brotli)));
        for unknown in [&["compress"][..], &["gzip, br"], &["gzip", "gzip"], &[""]] {
            assert_eq!(of(unknown), None, "{unknown:?}");
        }
    }

    #[test]
    fn what_is_not_compressed_as_it_says_is_broken() {
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Zstd] {
            assert_eq!(coding.inflate(b"{\"query\": \"{ a }\"}".to_vec(), 100), Err(Unread::Broken), "{coding:?}");
        }
        assert_eq!(Coding::Identity.inflate(b"a".to_vec(), 1).unwrap(), b"a");
    }
}
