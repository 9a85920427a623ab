//! Small pictures and annotation files.

use std::io::Cursor;

use image::{DynamicImage, GrayImage, ImageFormat, RgbImage, RgbaImage};

/// Returns an image file of 64 × 48 pixels, another for every number.
pub(crate) fn picture(n: usize, format: ImageFormat) -> Vec<u8> {
    picture_of(n, 64, 48, format)
}

pub(crate) fn picture_of(n: usize, width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let pixel = |x: u32, y: u32| {
        let v = (x as usize * 31 + y as usize * 17 + n * 101) as u32;
        image::Rgb([v as u8, (v >> 3) as u8, (n % 251) as u8])
    };
    encode(RgbImage::from_fn(width, height, pixel).into(), format)
}

pub(crate) fn jpeg(n: usize) -> Vec<u8> {
    picture(n, ImageFormat::Jpeg)
}

pub(crate) fn gray(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    encode(GrayImage::from_fn(width, height, |x, y| image::Luma([(x * y) as u8])).into(), format)
}

pub(crate) fn rgba(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let image = RgbaImage::from_fn(width, height, |x, y| image::Rgba([x as u8, y as u8, 7, 9]));
    encode(image.into(), format)
}

pub(crate) fn encode(image: DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image.write_to(&mut file, format).unwrap();
    file.into_inner()
}

/// Returns an annotation file with these objects, in XML.
pub(crate) fn xml(filename: &str, objects: &str) -> String {
    format!(
        "<annotation>\n<folder>JPEGImages</folder><filename>{filename}</filename>\n\
         <size><width>64</width><height>48</height><depth>3</depth></size>\n{objects}</annotation>\n"
    )
}

/// Returns an object with whole, inclusive edges.
pub(crate) fn object(name: &str, xmin: i32, ymin: i32, xmax: i32, ymax: i32) -> String {
    format!(
        "<object><name>{name}</name><pose>Unspecified</pose><truncated>0</truncated>\
         <difficult>0</difficult><bndbox><xmin>{xmin}</xmin><ymin>{ymin}</ymin><xmax>{xmax}</xmax>\
         <ymax>{ymax}</ymax></bndbox></object>\n"
    )
}
