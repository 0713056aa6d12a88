//! Pictures of a snapshot: their formats and sizes, from the first bytes of each. No picture is decoded.

use std::{
    collections::BTreeMap,
    io::{BufReader, Cursor, Read as _},
};

use imagesize::ImageType;
use serde::{Deserialize, Serialize};

use crate::dataset::content::Content;

/// Endings of names that pictures have.
const ENDINGS: [&str; 15] =
    ["png", "jpg", "jpeg", "gif", "bmp", "webp", "tif", "tiff", "tga", "heic", "heif", "avif", "ppm", "pgm", "pbm"];
/// Bytes that mostly hold the size; more are read where they do not.
const HEAD: usize = 4 << 10;
/// Different sizes and folders that are listed.
const LISTED: usize = 20;
/// Unreadable pictures that are named.
const NAMED: usize = 20;

/// What is known of the pictures of a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Images {
    /// Pictures whose size could be read.
    pub count: u64,
    /// How many have which format.
    pub formats: BTreeMap<String, u64>,
    /// Width in pixels.
    pub width: Span,
    /// Height in pixels.
    pub height: Span,
    /// The most frequent sizes, `width×height`.
    pub sizes: Vec<(String, u64)>,
    /// Folders at the top with most pictures: often the classes.
    pub folders: Vec<(String, u64)>,
    /// Files named like pictures that are none; the first of them.
    pub unreadable: Vec<String>,
    /// How many there are.
    pub unreadable_count: u64,
}

/// The least, the greatest and the mean.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Span {
    pub min: u64,
    pub max: u64,
    pub mean: f64,
}

/// A picture's format and size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Such as `png`.
    pub format: &'static str,
    /// Width in pixels.
    pub width: u64,
    /// Height in pixels.
    pub height: u64,
}

/// Whether a file's name is a picture's.
#[must_use]
pub fn is_named_like_a_picture(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending.to_ascii_lowercase().as_str()))
}

/// Reads format and size; `None`: it is no picture.
///
/// # Errors
/// What the operating system says.
pub fn picture(content: &Content) -> std::io::Result<Option<Picture>> {
    let mut head = Vec::with_capacity(HEAD);
    content.reader().take(HEAD as u64).read_to_end(&mut head)?;
    let Ok(kind) = imagesize::image_type(&head) else { return Ok(None) };
    let size = imagesize::blob_size(&head).ok().or_else(|| {
        // A long comment, or a directory at the end.
        let mut all = Vec::new();
        let read = BufReader::new(content.reader()).take(64 << 20).read_to_end(&mut all);
        read.ok().and_then(|_| imagesize::reader_size(Cursor::new(all)).ok())
    });
    let size = size.filter(|size| size.width > 0 && size.height > 0);
    Ok(size.map(|size| Picture { format: name_of(&kind), width: size.width as u64, height: size.height as u64 }))
}

fn name_of(kind: &ImageType) -> &'static str {
    match kind {
        ImageType::Bmp => "bmp",
        ImageType::Gif => "gif",
        ImageType::Heif(_) => "heif",
        ImageType::Jpeg => "jpeg",
        ImageType::Png => "png",
        ImageType::Pnm => "pnm",
        ImageType::Tga => "tga",
        ImageType::Tiff => "tiff",
        ImageType::Webp => "webp",
        _ => "other",
    }
}

/// Puts together what was read of pictures, by their paths.
#[must_use]
pub fn images(pictures: &[(&str, Option<Picture>)]) -> Images {
    let (mut sizes, mut folders) = (BTreeMap::new(), BTreeMap::new());
    let mut images = Images::default();
    let (mut widths, mut heights) = (Vec::new(), Vec::new());
    for (path, picture) in pictures {
        let Some(picture) = picture else {
            images.unreadable_count += 1;
            if images.unreadable.len() < NAMED {
                images.unreadable.push((*path).to_owned());
            }
            continue;
        };
        images.count += 1;
        *images.formats.entry(picture.format.to_owned()).or_default() += 1;
        *sizes.entry(format!("{}×{}", picture.width, picture.height)).or_default() += 1;
        if let Some((folder, _)) = path.split_once('/') {
            *folders.entry(folder.to_owned()).or_default() += 1;
        }
        widths.push(picture.width);
        heights.push(picture.height);
    }
    (images.width, images.height) = (span(&widths), span(&heights));
    (images.sizes, images.folders) = (most(sizes), most(folders));
    images
}

fn most(counts: BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let mut all: Vec<(String, u64)> = counts.into_iter().collect();
    all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    all.truncate(LISTED);
    all
}

fn span(values: &[u64]) -> Span {
    let sum: u64 = values.iter().sum();
    Span {
        min: values.iter().copied().min().unwrap_or(0),
        max: values.iter().copied().max().unwrap_or(0),
        mean: if values.is_empty() { 0.0 } else { sum as f64 / values.len() as f64 },
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The first bytes of a PNG of this size; pictures are not decoded, so no more is needed.
    pub fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend([8, 0, 0, 0, 0]);
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Picture> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        fs::write(&path, bytes).unwrap();
        picture(&Content::of_file(&path).unwrap()).unwrap()
    }

    #[test]
    fn sizes_are_read_from_the_first_bytes() {
        assert_eq!(read(&png(640, 480)), Some(Picture { format: "png", width: 640, height: 480 }));
        assert_eq!(read(b"GIF89a\x07\0\x05\0\x80\0\0"), Some(Picture { format: "gif", width: 7, height: 5 }));
        assert_eq!(read(b"P5\n3 4\n255\n0123456789ab"), Some(Picture { format: "pnm", width: 3, height: 4 }));
        assert_eq!(read(b"no picture at all"), None);
        assert_eq!(read(&png(640, 480)[..18]), None);
        assert_eq!(read(b""), None);
    }

    #[test]
    fn a_size_behind_a_long_comment_is_found() {
        let mut jpeg = b"\xff\xd8".to_vec();
        jpeg.extend(b"\xff\xfe\x40\x02");
        jpeg.extend(vec![b' '; 0x4000]);
        jpeg.extend(b"\xff\xc0\0\x11\x08\0\x09\0\x0b\x03");
        jpeg.extend([0; 12]);
        assert_eq!(read(&jpeg), Some(Picture { format: "jpeg", width: 11, height: 9 }));
    }

    #[test]
    fn pictures_are_summed_up() {
        let picture = |width, height| Some(Picture { format: "png", width, height });
        let all = [("cat/1.png", picture(2, 3)), ("cat/2.png", picture(2, 3)), ("dog/1.png", picture(4, 3)), ("x.png", None)];
        let images = images(&all);
        assert_eq!((images.count, images.unreadable_count, images.unreadable), (3, 1, vec!["x.png".to_owned()]));
        assert_eq!(images.sizes, [("2×3".to_owned(), 2), ("4×3".to_owned(), 1)]);
        assert_eq!(images.folders, [("cat".to_owned(), 2), ("dog".to_owned(), 1)]);
        assert_eq!((images.width.min, images.width.max, images.height.mean), (2, 4, 3.0));
        assert!(is_named_like_a_picture("a/B.JPG") && !is_named_like_a_picture("png"));
    }
}
