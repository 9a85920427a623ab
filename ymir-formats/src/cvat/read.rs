use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use quick_xml::Reader as XmlReader;
use quick_xml::events::{BytesStart, Event};
use ymir_core::{BBox, Result, Shape};

use super::super::assemble::{Compact, Said};
use super::super::document::Object;
use super::super::draft::Draft;
use super::super::raster::from_rows;
use super::super::read_options::ReadOptions;
use super::super::reader::Reader;
use super::super::report::SkipReason;
use super::super::shared_documents::SharedDocuments;
use super::track::{self, Track};
use super::write::DEFAULT;

const MAX_DEPTH: usize = 64;
/// The most bytes of one element or text, so that none can fill the memory.
const MAX_ELEMENT: usize = 64 << 20;
const MAX_OBJECTS: u32 = u32::MAX - 1;

const NO_FRAME: &str = "it has tracks on frames of a video that are not there as images: put frame \
    5 beside it as frame_000005.png or .jpg, as CVAT does where it exports a task with its images";

/// CVAT's XML: one file for many images.
#[derive(Debug)]
pub(in super::super) struct CvatReader;

/// Returns whether a file is CVAT's XML, by its beginning.
pub(in super::super) fn is_cvat(path: &Path) -> bool {
    let mut head = Vec::new();
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("xml"))
        && File::open(path).and_then(|file| file.take(4096).read_to_end(&mut head)).is_ok()
        && String::from_utf8_lossy(&head).contains("<annotations>")
}

impl Reader for CvatReader {
    fn find(&mut self, draft: &mut Draft, options: &ReadOptions) -> Result<()> {
        let mut all = SharedDocuments::scan(draft, is_cvat)?;
        for (document, path) in all.paths.clone().iter().enumerate() {
            let all = &mut all;
            let mut document =
                Document { draft, all, document, path, fault: Ok(()), number: 0, unmatched: 0 };
            let read = document.read();
            let unmatched = document.unmatched;
            document.fault?;
            if let Err(reason) = read {
                draft.skip(path, SkipReason::BadAnnotation, reason);
            }
            if unmatched > 0 {
                draft.losses.add_many("shapes of tracks on frames without an image", unmatched);
                draft.skip(path, SkipReason::NoImage, NO_FRAME);
            }
        }
        all.finish(draft, options)
    }
}

/// A file that is being read, image by image.
struct Document<'a> {
    draft: &'a mut Draft,
    all: &'a mut SharedDocuments,
    /// The number of the file.
    document: usize,
    path: &'a Path,
    /// Why what it says cannot be set aside.
    fault: Result<()>,
    number: u32,
    /// How many shapes of tracks have no image.
    unmatched: u64,
}

/// The image whose element is open: of a track, that of the frame whose shape is open.
#[derive(Default)]
struct Image {
    place: Option<u32>,
    split: String,
    width: u32,
    height: u32,
    said: Said,
}

/// The object whose element is open, or why it cannot be taken.
type Open = std::result::Result<Object, String>;

impl Document<'_> {
    fn read(&mut self) -> std::result::Result<(), String> {
        let file = File::open(self.path).map_err(|error| format!("it cannot be read: {error}"))?;
        let mut reader = XmlReader::from_reader(BufReader::with_capacity(1 << 18, file));
        reader.config_mut().expand_empty_elements = true;
        let (mut buffer, mut depth) = (Vec::new(), 0);
        let (mut image, mut object): (Option<Image>, Option<Open>) = (None, None);
        let mut attribute: Option<(String, String)> = None;
        let mut track: Option<Track> = None;
        loop {
            buffer.clear();
            let event = reader.read_event_into(&mut buffer);
            let event = event.map_err(|e| format!("byte {}: {e}", reader.error_position()))?;
            let at = |e: String| format!("byte {}: {e}", reader.buffer_position());
            match event {
                Event::Eof if depth == 0 => break,
                Event::Eof => return Err("the file is cut off before its end".to_owned()),
                Event::Start(start) if start.len() > MAX_ELEMENT => {
                    return Err(at("an element is too long".to_owned()));
                }
                Event::Start(start) => {
                    depth += 1;
                    if depth > MAX_DEPTH {
                        return Err(at(format!("elements are nested more than {MAX_DEPTH} deep")));
                    }
                    match (start.local_name().as_ref(), &image, &object) {
                        ("image", None, _) => image = Some(self.image(&start).map_err(at)?),
                        ("attribute", Some(_), Some(_)) => {
                            let name = value(&start, "name").map_err(at)?.unwrap_or_default();
                            attribute = Some((name, String::new()));
                        }
                        ("track", None, _) => track = Some(Track::read(&start, depth).map_err(at)?),
                        (kind, Some(open), None) => {
                            object = self.object(kind, &start, open, None).map_err(at)?;
                        }
                        (kind, None, None)
                            if track.as_ref().is_some_and(|t| t.depth + 1 == depth) =>
                        {
                            image = self.frame(&start).map_err(at)?;
                            if let Some(open) = &image {
                                object =
                                    self.object(kind, &start, open, track.as_ref()).map_err(at)?;
                            }
                        }
                        _ => {}
                    }
                }
                Event::Text(text) => {
                    if let Some((_, value)) = &mut attribute {
                        value.push_str(&text.xml10_content());
                    }
                }
                Event::GeneralRef(reference) => {
                    if let Some((_, value)) = &mut attribute {
                        value.push_str(&super::super::voc_read::resolve(&reference).map_err(at)?);
                    }
                }
                Event::End(end) => {
                    depth = depth.saturating_sub(1);
                    match end.local_name().as_ref() {
                        "attribute" => {
                            if let (Some((name, value)), Some(Ok(object))) =
                                (attribute.take(), &mut object)
                            {
                                object.attributes.insert(name, value);
                            }
                        }
                        "image" => self.close(image.take()),
                        "track" => track = None,
                        kind => {
                            if is_shape(kind) {
                                self.take(&mut image, object.take());
                            }
                            if track.as_ref().is_some_and(|track| track.depth == depth) {
                                self.close(image.take());
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn image(&mut self, start: &BytesStart<'_>) -> std::result::Result<Image, String> {
        let name = value(start, "name")?.ok_or("an <image> has no name")?;
        let subset = value(start, "subset")?.unwrap_or_default();
        let size = |of| Ok::<_, String>(value(start, of)?.and_then(|size| size.parse().ok()));
        let (width, height) = (size("width")?, size("height")?);
        let place = match self.all.index.find(&name, self.path, &subset) {
            Ok(place) => Some(place),
            Err((kind, reason)) => {
                self.draft.skip_text(name, kind, reason);
                None
            }
        };
        let said = Said { told: (width, height), ..Said::default() };
        let split = Some(subset).filter(|subset| subset != DEFAULT).unwrap_or_default();
        Ok(Image { place, split, width: width.unwrap_or(0), height: height.unwrap_or(0), said })
    }

    /// Opens the image of the frame that a shape of a track is on. On a frame that it is outside of
    /// there is no object.
    fn frame(&mut self, start: &BytesStart<'_>) -> std::result::Result<Option<Image>, String> {
        let frame = value(start, "frame")?.and_then(|frame| frame.parse().ok());
        let Some(frame) = frame.filter(|_| value(start, "outside") != Ok(Some("1".to_owned())))
        else {
            return Ok(None);
        };
        let place = track::names(frame).find_map(|n| self.all.index.find(&n, self.path, "").ok());
        self.unmatched += u64::from(place.is_none());
        Ok(place.map(|place| Image { place: Some(place), ..Image::default() }))
    }

    fn object(
        &mut self,
        kind: &str,
        start: &BytesStart<'_>,
        image: &Image,
        track: Option<&Track>,
    ) -> std::result::Result<Option<Open>, String> {
        if !is_shape(kind) {
            self.draft.losses.add(match kind {
                "polyline" => "lines",
                "points" => "points without an object",
                "cuboid" => "cuboids",
                "ellipse" => "ellipses",
                "skeleton" => "skeletons",
                _ => "elements of other kinds",
            });
            return Ok(None);
        }
        self.number = (self.number + 1).min(MAX_OBJECTS);
        let mut object = Object { number: self.number, ..Object::default() };
        let group = match track {
            Some(track) => {
                object.name = track.label.clone();
                object.attributes.insert("track_id".to_owned(), track.id.clone());
                track.group.clone()
            }
            None => {
                object.name = value(start, "label")?.unwrap_or_default();
                value(start, "group_id")?
            }
        };
        if let Some(group) = group.filter(|group| !matches!(group.as_str(), "" | "0")) {
            object.attributes.insert("group_id".to_owned(), group);
        }
        object.flags.occluded = value(start, "occluded")?.as_deref() == Some("1");
        Ok(Some(shape(kind, start, image, &mut object)?.map(|()| object)))
    }

    fn take(&mut self, image: &mut Option<Image>, object: Option<Open>) {
        let Some(image) = image else { return };
        match object {
            Some(Ok(object)) if image.place.is_some() => {
                image.said.objects.push(Compact::new(object, &mut self.draft.classes));
            }
            Some(Err(reason)) => self.draft.drop_object(self.path, self.number, reason),
            _ => {}
        }
    }

    fn close(&mut self, image: Option<Image>) {
        let Some(Image { place: Some(place), split, said, .. }) = image else { return };
        if self.fault.is_ok() {
            self.fault = self.all.say(self.draft, place, self.document, said, &split);
        }
    }
}

/// Returns whether an element is an object that is read.
fn is_shape(kind: &str) -> bool {
    matches!(kind, "box" | "polygon" | "mask" | "tag")
}

/// Reads the place of an object; the inner error says why it cannot be taken.
fn shape(
    kind: &str,
    start: &BytesStart<'_>,
    image: &Image,
    object: &mut Object,
) -> std::result::Result<std::result::Result<(), String>, String> {
    let name = &object.name;
    if name.trim().is_empty() || name.len() > 256 || name.chars().any(char::is_control) {
        return Ok(Err("its label is missing, too long or has control characters".to_owned()));
    }
    let number = |of: &str| {
        let number = value(start, of)?.and_then(|number| number.parse::<f64>().ok());
        Ok::<_, String>(number.filter(|number| number.is_finite()))
    };
    match kind {
        "tag" => object.shape = Some(Shape::Image),
        "box" => {
            let edges = [number("xtl")?, number("ytl")?, number("xbr")?, number("ybr")?];
            let [Some(left), Some(top), Some(right), Some(bottom)] = edges else {
                return Ok(Err("its xtl, ytl, xbr and ybr are not all finite numbers".to_owned()));
            };
            object.bbox = BBox::new(left, top, right - left, bottom - top);
            let degrees = number("rotation")?.filter(|degrees| *degrees != 0.0);
            object.rotate_angle = degrees.map(f64::to_radians);
            if !object.bbox.is_valid() {
                return Ok(Err("its box is inverted or empty".to_owned()));
            }
        }
        "mask" => {
            let whole = |of: &str| {
                let number = number(of)?;
                Ok::<_, String>(number.filter(|n| *n >= 0.0 && *n <= 4e9).map(|n| n as u32))
            };
            let sides = [whole("left")?, whole("top")?, whole("width")?, whole("height")?];
            let [Some(left), Some(top), Some(w), Some(h)] = sides else {
                return Ok(Err("its left, top, width and height are not all numbers".to_owned()));
            };
            let text = value(start, "rle")?.unwrap_or_default();
            let counts: Result<Vec<u32>, _> = text.split(',').map(|n| n.trim().parse()).collect();
            let Ok(counts) = counts else {
                return Ok(Err("its rle is no list of counts".to_owned()));
            };
            match from_rows(image.width, image.height, [left, top, w, h], &counts) {
                Ok(mask) => object.set_shape(Shape::Mask(mask)),
                Err(reason) => return Ok(Err(reason.to_owned())),
            }
        }
        _ => {
            let text = value(start, "points")?.unwrap_or_default();
            let point = |point: &str| {
                let (x, y) = point.split_once(',')?;
                let point: [f64; 2] = [x.trim().parse().ok()?, y.trim().parse().ok()?];
                point.iter().all(|v| v.is_finite()).then_some(point)
            };
            let ring: Option<Vec<_>> = text.split(';').map(point).collect();
            let Some(ring) = ring.filter(|ring| ring.len() >= 3) else {
                return Ok(Err("its points are not three or more pairs of numbers".to_owned()));
            };
            object.set_shape(Shape::Polygons(vec![ring]));
        }
    }
    Ok(Ok(()))
}

pub(super) fn value(
    start: &BytesStart<'_>,
    name: &str,
) -> std::result::Result<Option<String>, String> {
    match start.try_get_attribute(name).map_err(|error| error.to_string())? {
        None => Ok(None),
        Some(attribute) => quick_xml::escape::unescape(&attribute.value)
            .map(|value| Some(value.into_owned()))
            .map_err(|error| error.to_string()),
    }
}
