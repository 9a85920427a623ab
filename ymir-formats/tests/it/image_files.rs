//! The headers and ends of image files.

use image::ImageFormat;
use proptest::prelude::*;
use ymir_core::{ErrorKind, MediaType};
use ymir_formats::{inspect_image, read_image_info};
use ymir_testkit::fixture::pictures::{gray, jpeg, picture_of, rgba};

const FORMATS: [(ImageFormat, MediaType); 4] = [
    (ImageFormat::Jpeg, MediaType::Jpeg),
    (ImageFormat::Png, MediaType::Png),
    (ImageFormat::Bmp, MediaType::Bmp),
    (ImageFormat::WebP, MediaType::Webp),
];

#[test]
fn sizes_are_those_that_a_decoder_finds() {
    for (format, media_type) in FORMATS {
        for (width, height) in [(1, 1), (64, 48), (3, 1000), (257, 2)] {
            let file = picture_of(1, width, height, format);
            let info = inspect_image(&file).unwrap();
            assert_eq!((info.width, info.height), (width, height), "{format:?}");
            assert_eq!((info.channels, info.media_type), (3, media_type), "{format:?}");
            let decoded = image::load_from_memory(&file).unwrap();
            assert_eq!((decoded.width(), decoded.height()), (width, height));
        }
    }
}

#[test]
fn channels_are_told_where_the_header_does() {
    for format in [ImageFormat::Jpeg, ImageFormat::Png] {
        assert_eq!(inspect_image(&gray(9, 7, format)).unwrap().channels, 1);
    }
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp] {
        let info = inspect_image(&rgba(9, 7, format)).unwrap();
        assert_eq!((info.width, info.height, info.channels), (9, 7, 4), "{format:?}");
    }
}

#[test]
fn files_that_were_cut_off_are_found_at_any_length() {
    for (format, _) in FORMATS {
        let file = picture_of(1, 40, 30, format);
        for length in 0..file.len() - 1 {
            let error = inspect_image(&file[..length]).expect_err("it is cut off");
            let kinds = [ErrorKind::Corrupted, ErrorKind::Unsupported];
            assert!(kinds.contains(&error.kind()), "{format:?} of {length}: {error}");
        }
        // The header alone says the size, if it is whole.
        assert!(read_image_info(&file[..file.len() - 1]).is_ok());
    }
}

#[test]
fn bytes_behind_the_end_are_no_harm() {
    for (format, _) in FORMATS {
        let mut file = picture_of(1, 40, 30, format);
        file.extend_from_slice(b"appended by a camera \xff\x00\xff\xd0\0\0\0");
        assert!(inspect_image(&file).is_ok(), "{format:?}");
    }
}

#[test]
fn a_picture_within_the_metadata_is_not_the_picture() {
    let thumbnail = picture_of(2, 16, 16, ImageFormat::Jpeg);
    let picture = picture_of(1, 64, 48, ImageFormat::Jpeg);
    let length = (thumbnail.len() + 2) as u16;
    let mut file = vec![0xff, 0xd8, 0xff, 0xe1];
    file.extend_from_slice(&length.to_be_bytes());
    file.extend_from_slice(&thumbnail);
    let cut = file.clone();
    file.extend_from_slice(&picture[2..]);
    let info = inspect_image(&file).unwrap();
    assert_eq!((info.width, info.height), (64, 48));
    assert_eq!(inspect_image(&cut).unwrap_err().kind(), ErrorKind::Corrupted);
}

#[test]
fn what_is_no_image_is_said_to_be_what_it_is() {
    for (bytes, part) in [
        (&b"GIF89a......"[..], "GIF"),
        (b"II*\0........", "TIFF"),
        (b"\0\0\0\x18ftypheic....", "HEIC"),
        (b"<html></html>", "no image"),
        (&[0; 5000], "zero bytes"),
    ] {
        let error = read_image_info(bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains(part), "{error}");
    }
    assert_eq!(read_image_info(b"").unwrap_err().kind(), ErrorKind::Corrupted);
    let mut blank = jpeg(1);
    blank[2..].fill(0);
    assert_eq!(read_image_info(&blank).unwrap_err().kind(), ErrorKind::Corrupted);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        format in 0usize..4,
        places in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut file = picture_of(1, 20, 15, FORMATS[format].0);
        for (place, byte) in places {
            let place = place.index(file.len());
            file[place] = byte;
        }
        let _ = inspect_image(&file);
        let _ = inspect_image(&file[..cut.index(file.len())]);
    }
}
