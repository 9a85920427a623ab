use std::collections::{BTreeMap, HashMap};
use std::io::{BufReader, Read};

use serde_json::Value;
use ymir_core::{Attributes, Class, ClassTable, Error, MediaType, Result};

use super::super::assemble::{Compact, Said};
use super::super::document::Object;
use super::super::image_info::ImageInfo;
use super::super::losses::Field;
use super::json::{Annotation, Category, Image, Sink, read};
use super::lenient::{Id, Number};
use super::plain::Plain;
use super::read::{attributes, object};

/// The images and classes that a document of a labeling tool may speak of.
pub struct LabelContext<'a> {
    /// Finds the number of an image by what the document calls it.
    pub find: &'a dyn Fn(&str) -> Option<usize>,
    /// The width and height of the images, by their numbers.
    pub sizes: &'a [(u32, u32)],
    /// The classes that categories are found in by name.
    pub classes: &'a ClassTable,
}

impl std::fmt::Debug for LabelContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LabelContext").field("images", &self.sizes.len()).finish_non_exhaustive()
    }
}

/// Returns the annotations of each image that a COCO document lists, by the number of the image.
///
/// Values are read as leniently as in an import: ids are numbers or texts, numbers may be in quotes,
/// boxes are cut at the edge of their image, a missing box is that around the outline. Unlike in an
/// import, nothing is left out: a person can mend the document.
///
/// # Errors
///
/// `InvalidInput`, with the item, if the document is none, lists an image that is unknown or has
/// another size, uses an id twice or for nothing, or has an object that is not on its image.
pub fn read_coco_labels(
    file: impl Read,
    context: &LabelContext<'_>,
) -> Result<BTreeMap<usize, Vec<ymir_core::Annotation>>> {
    let mut labels = Labels::new(context);
    read(BufReader::new(Plain::new(file)), &mut labels).map_err(|fault| {
        let message = "the labeled annotations cannot be read; export them as COCO again";
        let place = if fault.place.is_empty() { "(the whole)" } else { fault.place.as_str() };
        let error = Error::invalid(message).with("field", place).with("line", fault.line);
        error.with("column", fault.column).with("reason", fault.reason)
    })?;
    labels.finish()
}

/// What was read of a document; annotations may come before the images and categories they name.
struct Labels<'a> {
    context: &'a LabelContext<'a>,
    lists: Vec<&'static str>,
    images: HashMap<Id, usize>,
    categories: HashMap<Id, Class>,
    objects: Vec<(Id, Id, Object)>,
    /// How many items of each list were read.
    counts: [usize; 3],
    /// The first fault.
    fault: Option<Error>,
}

const IMAGES: usize = 0;
const CATEGORIES: usize = 1;
const ANNOTATIONS: usize = 2;
const LISTS: [&str; 3] = ["images", "categories", "annotations"];

impl<'a> Labels<'a> {
    fn new(context: &'a LabelContext<'a>) -> Self {
        Self {
            context,
            lists: Vec::new(),
            images: HashMap::new(),
            categories: HashMap::new(),
            objects: Vec::new(),
            counts: [0; 3],
            fault: None,
        }
    }

    /// Counts an item of a list, and keeps the first fault.
    fn item(&mut self, list: usize, read: impl FnOnce(&mut Self) -> Result<()>) {
        let place = format!("{}[{}]", LISTS[list], self.counts[list]);
        self.counts[list] += 1;
        if self.fault.is_none() {
            self.fault = read(self).err().map(|error| error.with("field", place));
        }
    }

    fn put_image(&mut self, image: Image) -> Result<()> {
        let name = &image.file_name;
        let number = (self.context.find)(name).ok_or_else(|| {
            let message = "the labeling job has no image of this name";
            Error::invalid(message).with("file_name", name)
        })?;
        let (width, height) = self.context.sizes[number];
        for (told, is) in [(image.width, width), (image.height, height)] {
            let told = told.filter(|told| *told != Number::None);
            // Boxes of an image that a tool has scaled or turned would be in the wrong place.
            if told.is_some_and(|told| told.whole() != Some(is)) {
                let message = format!(
                    "the image is {width} × {height} pixels; export without scaling or turning it"
                );
                return Err(Error::invalid(message).with("file_name", name));
            }
        }
        let id = known(image.id, "id")?;
        match self.images.insert(id, number) {
            // Some tools list an image once per annotator.
            Some(other) if other != number => Err(Error::invalid("two images have this id")),
            _ => Ok(()),
        }
    }

    fn put_category(&mut self, category: Category) -> Result<()> {
        let name = category.name.trim();
        if name.is_empty() || name.chars().any(char::is_control) {
            let message = "a class name must have a visible character, and no controls";
            return Err(Error::invalid(message));
        }
        let class = self.context.classes.find(name);
        let class = class.map_or_else(|| Class::Name(name.to_owned()), Class::Id);
        match self.categories.insert(known(Some(category.id), "id")?, class.clone()) {
            Some(other) if other != class => Err(Error::invalid("two categories have this id")),
            _ => Ok(()),
        }
    }

    fn put_annotation(&mut self, mut annotation: Annotation) -> Result<()> {
        let image = known(annotation.image_id.take(), "image_id")?;
        let category = known(annotation.category_id.take(), "category_id")?;
        let extra = match annotation.attributes.take() {
            Some(Value::Object(map)) => attributes(map),
            None | Some(Value::Null) => Attributes::new(),
            Some(Value::Array(empty)) if empty.is_empty() => Attributes::new(),
            Some(_) => return Err(Error::invalid("its attributes are no object")),
        };
        let object = object(annotation, extra).map_err(Error::invalid)?;
        self.objects.push((image, category, object));
        Ok(())
    }

    fn finish(self) -> Result<BTreeMap<usize, Vec<ymir_core::Annotation>>> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        for list in ["images", "annotations"] {
            if !self.lists.contains(&list) {
                return Err(Error::invalid(format!("`{list}` is missing")).with("field", list));
            }
        }
        let mut labels: BTreeMap<_, _> =
            self.images.values().map(|number| (*number, Vec::new())).collect();
        for (i, (image, category, object)) in self.objects.into_iter().enumerate() {
            let fault =
                |message: &str| Error::invalid(message).with("field", format!("annotations[{i}]"));
            let image = *self
                .images
                .get(&image)
                .ok_or_else(|| fault("`images` lists no image of its image_id"))?;
            let class = self
                .categories
                .get(&category)
                .ok_or_else(|| fault("`categories` lists no category of its category_id"))?;
            let fitted = fit(object, class, self.context.sizes[image]);
            let annotation = fitted.map_err(|reason| {
                fault(&format!("{reason}; remove the object or draw it again"))
            })?;
            labels.entry(image).or_default().push(annotation);
        }
        Ok(labels)
    }
}

/// Returns an id that is one.
fn known(id: Option<Id>, field: &str) -> Result<Id> {
    let message = || Error::invalid(format!("its {field} is missing, or no whole number or text"));
    id.filter(|id| *id != Id::Bad).ok_or_else(message)
}

/// Returns the annotation of an object, cut at the edge of its image.
fn fit(
    object: Object,
    class: &Class,
    (width, height): (u32, u32),
) -> std::result::Result<ymir_core::Annotation, &'static str> {
    // Only the size counts here.
    let info = ImageInfo { width, height, channels: 3, media_type: MediaType::Png, orientation: 1 };
    let mut said = Said { objects: vec![Compact::of_class(object, 0)], ..Said::default() };
    if let Some((_, reason)) = said.fit(&info, false).gone.first() {
        return Err(reason);
    }
    let annotation = said.annotations(&[Some(class.clone())]).pop();
    annotation.ok_or("its box is outside the image")
}

impl Sink for Labels<'_> {
    fn list(&mut self, name: &'static str) {
        self.lists.push(name);
    }

    fn field(&mut self, _: Field) {}

    fn image(&mut self, image: Image) {
        self.item(IMAGES, |labels| labels.put_image(image));
    }

    fn annotation(&mut self, annotation: Annotation) {
        self.item(ANNOTATIONS, |labels| labels.put_annotation(annotation));
    }

    fn category(&mut self, category: Category) {
        self.item(CATEGORIES, |labels| labels.put_category(category));
    }
}
