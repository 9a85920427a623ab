//! What comes back from each format, what is lost is named, and nothing hostile does harm.

mod coco;
mod cvat;
mod folders;
mod made;
mod masks;
mod others;
mod recognised;
mod repeated;
mod sources;
mod trips;
mod turned;
mod voc;
mod yolo;
