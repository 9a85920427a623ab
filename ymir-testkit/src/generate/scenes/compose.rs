use ymir_core::BBox;

use super::canvas::{Canvas, Color, Thing};
use super::render::SceneOptions;
use super::shape::Shape;
use crate::generate::rng::SplitMix64;

/// The share of an object that must be seen for it to be annotated.
const SEEN: f32 = 0.35;
/// The smallest side of a box in pixels.
const SMALLEST: f64 = 4.0;
/// The index of the class that only some scenes have.
const RARE: usize = 3;

/// Paints a scene and returns its objects.
pub(super) fn compose(
    canvas: &mut Canvas,
    options: &SceneOptions,
    rng: &mut SplitMix64,
) -> Vec<(usize, BBox)> {
    let light = rng.direction();
    background(canvas, rng);
    let easy = rng.chance(options.easy);
    let classes = choose_classes(easy, options.rare, rng);
    for _ in 0..if easy { rng.below(4) } else { 2 + rng.below(6) } {
        let distractor = distractor(canvas, light, rng);
        canvas.draw(&distractor, 0);
    }
    let covered = place_objects(canvas, &classes, light, rng);
    for _ in 0..if easy { 0 } else { rng.below(3) } {
        let bar = occluder(canvas, light, rng);
        canvas.draw(&bar, 0);
    }
    finish(canvas, rng);
    let seen = canvas.seen(covered.len()).into_iter().zip(&covered);
    seen.filter(|((pixels, bbox), (_, all))| {
        let enough = *pixels as f32 >= SEEN * *all as f32;
        enough && bbox.w >= SMALLEST && bbox.h >= SMALLEST
    })
    .map(|((_, bbox), (class, _))| (*class, bbox))
    .collect()
}

/// Returns the classes of the objects of a scene.
fn choose_classes(easy: bool, rare: f32, rng: &mut SplitMix64) -> Vec<usize> {
    // Out of 10: 4 coins, 3 washers, 3 gears.
    let common = |rng: &mut SplitMix64| [0, 0, 0, 0, 1, 1, 1, 2, 2, 2][rng.below(10) as usize];
    if easy {
        let count = usize::from(rng.chance(0.6));
        return (0..count).map(|_| common(rng)).collect();
    }
    let count = 2 + rng.below(4);
    let mut classes: Vec<_> = (0..count).map(|_| common(rng)).collect();
    if rng.chance(rare) {
        let stars = 1 + rng.below(2) as usize;
        classes.iter_mut().take(stars).for_each(|class| *class = RARE);
    }
    classes
}

/// Draws the objects; returns the class of each and how many pixels it would cover unhidden.
fn place_objects(
    canvas: &mut Canvas,
    classes: &[usize],
    light: [f32; 2],
    rng: &mut SplitMix64,
) -> Vec<(usize, u32)> {
    let mut drawn = Vec::new();
    let mut taken: Vec<([f32; 2], f32)> = Vec::new();
    for class in classes {
        // Objects may touch and hide a part of each other, and do not lie on top of each other.
        for _ in 0..30 {
            let thing = thing(canvas, Shape::OBJECTS[*class], light, rng);
            let reach = thing.radius[0].max(thing.radius[1]);
            let free = taken.iter().all(|(center, other)| {
                let (dx, dy) = (center[0] - thing.center[0], center[1] - thing.center[1]);
                (dx * dx + dy * dy).sqrt() > 0.72 * (reach + other)
            });
            if free {
                taken.push((thing.center, reach));
                canvas.shadow(&thing, 0.45);
                drawn.push((*class, canvas.draw(&thing, drawn.len() as u16 + 1)));
                break;
            }
        }
    }
    drawn
}

/// Returns a thing of some size, place, turn and colour that stands out a little at least.
fn thing(canvas: &Canvas, shape: Shape, light: [f32; 2], rng: &mut SplitMix64) -> Thing {
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let side = width.min(height);
    // Small ones are more frequent.
    let share = rng.unit();
    let radius = (side * (0.07 + 0.125 * share)).max(4.0);
    let squeeze = rng.between(0.78, 1.0);
    let center = [rng.between(0.02, 0.98) * width, rng.between(0.02, 0.98) * height];
    let below = brightness(canvas.color_at(center));
    let mut color = paint(rng);
    for _ in 0..8 {
        if (brightness(color) - below).abs() >= 0.15 {
            break;
        }
        color = paint(rng);
    }
    Thing { shape, center, radius: [radius, radius * squeeze], axis: rng.direction(), color, light }
}

fn distractor(canvas: &Canvas, light: [f32; 2], rng: &mut SplitMix64) -> Thing {
    let shape = Shape::DISTRACTORS[rng.below(Shape::DISTRACTORS.len() as u64) as usize];
    let mut thing = thing(canvas, shape, light, rng);
    let scale = rng.between(0.6, 1.5);
    thing.radius = thing.radius.map(|radius| radius * scale);
    thing
}

/// Returns a bar that hides a part of what it lies on.
fn occluder(canvas: &Canvas, light: [f32; 2], rng: &mut SplitMix64) -> Thing {
    let side = canvas.width.min(canvas.height) as f32;
    let length = side * rng.between(0.2, 0.45);
    let thickness = side * rng.between(0.06, 0.16);
    let radius = [length, thickness];
    Thing { radius, ..thing(canvas, Shape::Bar, light, rng) }
}

/// Returns the colour of a metal, a plastic or a paint.
fn paint(rng: &mut SplitMix64) -> Color {
    let base = rng.between(0.2, 0.9);
    let spread = if rng.chance(0.5) { 0.06 } else { 0.3 };
    [0; 3].map(|_| (base + rng.between(-spread, spread)).clamp(0.08, 0.95))
}

fn brightness([r, g, b]: Color) -> f32 {
    0.3 * r + 0.6 * g + 0.1 * b
}

/// Paints a bench: a gradient, stains and, at times, grain.
fn background(canvas: &mut Canvas, rng: &mut SplitMix64) {
    let base = rng.between(0.2, 0.8);
    let corners: [Color; 4] = [0; 4].map(|_| {
        let shift = rng.between(-0.13, 0.13);
        [0; 3].map(|_| base + shift + rng.between(-0.07, 0.07))
    });
    canvas.each(|[x, y], pixel| {
        let (x, y) = ((x + 1.0) / 2.0, (y + 1.0) / 2.0);
        for (c, part) in pixel.iter_mut().enumerate() {
            let upper = corners[0][c] + (corners[1][c] - corners[0][c]) * x;
            let lower = corners[2][c] + (corners[3][c] - corners[2][c]) * x;
            *part = upper + (lower - upper) * y;
        }
    });
    for (cells, strength) in [(4, rng.between(0.02, 0.16)), (19, rng.between(0.0, 0.09))] {
        stains(canvas, cells, strength, rng);
    }
    if rng.chance(0.4) {
        let ([dx, dy], strength) = (rng.direction(), rng.between(0.02, 0.08));
        let count = rng.between(6.0, 22.0);
        canvas.each(|[x, y], pixel| {
            let at = (x * dx + y * dy) * count;
            let wave = 4.0 * (at - at.floor() - 0.5).abs() - 1.0;
            pixel.iter_mut().for_each(|part| *part += strength * wave);
        });
    }
}

/// Adds light and dark patches, this many across.
fn stains(canvas: &mut Canvas, cells: usize, strength: f32, rng: &mut SplitMix64) {
    let line = cells + 2;
    let knots: Vec<f32> = (0..line * line).map(|_| rng.between(-1.0, 1.0)).collect();
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    canvas.each(|[x, y], pixel| {
        let (x, y) = ((x + 1.0) / 2.0 * cells as f32, (y + 1.0) / 2.0 * cells as f32);
        let (column, row) = (x as usize, y as usize);
        let (tx, ty) = (ease(x - column as f32), ease(y - row as f32));
        let knot = |dx: usize, dy: usize| knots[(row + dy) * line + column + dx];
        let upper = knot(0, 0) + (knot(1, 0) - knot(0, 0)) * tx;
        let lower = knot(0, 1) + (knot(1, 1) - knot(0, 1)) * tx;
        let stain = strength * (upper + (lower - upper) * ty);
        pixel.iter_mut().for_each(|part| *part += stain);
    });
}

/// Lights the scene and takes the picture: gain, falling light, lens and sensor.
fn finish(canvas: &mut Canvas, rng: &mut SplitMix64) {
    let (gain, fall, [dx, dy]) = (rng.between(0.7, 1.15), rng.between(0.0, 0.25), rng.direction());
    let tint: Color = [0; 3].map(|_| rng.between(0.93, 1.07));
    canvas.each(|[x, y], pixel| {
        let light = gain * (1.0 + fall * (x * dx + y * dy) / 1.5);
        pixel.iter_mut().zip(tint).for_each(|(part, tint)| *part *= light * tint);
    });
    for _ in 0..rng.below(3) {
        canvas.blur();
    }
    let deviation = rng.between(0.006, 0.03);
    canvas.noise(deviation, rng);
}
