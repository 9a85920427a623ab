use ymir_core::BBox;

use super::shape::Shape;
use crate::generate::rng::SplitMix64;

/// A colour; 0 is black and 1 white in each part.
pub(super) type Color = [f32; 3];

/// Something to be drawn.
pub(super) struct Thing {
    pub(super) shape: Shape,
    /// Where its centre is, in pixels.
    pub(super) center: [f32; 2],
    /// Half of its size in pixels, along its own two axes.
    pub(super) radius: [f32; 2],
    /// The direction of its first axis.
    pub(super) axis: [f32; 2],
    pub(super) color: Color,
    /// Where the light comes from.
    pub(super) light: [f32; 2],
}

/// A picture in the making. All arithmetic on it is of the kind that every machine does alike.
pub(super) struct Canvas {
    pub(super) width: u32,
    pub(super) height: u32,
    pixels: Vec<Color>,
    /// The number of the thing that is seen at each pixel; 0 for none.
    owners: Vec<u16>,
}

impl Canvas {
    pub(super) fn new(width: u32, height: u32) -> Self {
        let size = width as usize * height as usize;
        Self { width, height, pixels: vec![[0.0; 3]; size], owners: vec![0; size] }
    }

    /// Changes each pixel: the function is given its place, as parts of the picture's size from -1
    /// to 1, and its colour.
    pub(super) fn each(&mut self, mut change: impl FnMut([f32; 2], &mut Color)) {
        let (width, height) = (self.width as f32, self.height as f32);
        for (i, pixel) in self.pixels.iter_mut().enumerate() {
            let (x, y) = (i as u32 % self.width, i as u32 / self.width);
            let place =
                [2.0 * (x as f32 + 0.5) / width - 1.0, 2.0 * (y as f32 + 0.5) / height - 1.0];
            change(place, pixel);
        }
    }

    /// Returns the colour at a place in pixels, or at the nearest one inside.
    pub(super) fn color_at(&self, [x, y]: [f32; 2]) -> Color {
        let x = (x.max(0.0) as u32).min(self.width - 1);
        let y = (y.max(0.0) as u32).min(self.height - 1);
        self.pixels[(y * self.width + x) as usize]
    }

    /// Draws a thing as this number and returns how many pixels it covers, those outside the
    /// picture included.
    pub(super) fn draw(&mut self, thing: &Thing, number: u16) -> u32 {
        let mut covered = 0;
        thing.each_pixel([0.0; 2], |x, y, coverage, shade| {
            covered += u32::from(coverage >= 0.5);
            let Some(i) = self.index(x, y) else { return };
            for (part, color) in self.pixels[i].iter_mut().zip(thing.color) {
                *part += (color * shade - *part) * coverage;
            }
            if coverage >= 0.5 {
                self.owners[i] = number;
            }
        });
        covered
    }

    /// Darkens where the shadow of a thing falls.
    pub(super) fn shadow(&mut self, thing: &Thing, strength: f32) {
        let length = 0.18 * thing.radius[0].min(thing.radius[1]);
        let away = [-thing.light[0] * length, -thing.light[1] * length];
        thing.each_pixel(away, |x, y, coverage, _| {
            let Some(i) = self.index(x, y) else { return };
            self.pixels[i].iter_mut().for_each(|part| *part *= 1.0 - strength * coverage);
        });
    }

    fn index(&self, x: i32, y: i32) -> Option<usize> {
        let inside = x >= 0 && y >= 0 && x < self.width as i32 && y < self.height as i32;
        inside.then(|| y as usize * self.width as usize + x as usize)
    }

    /// Returns, for each of the numbers 1 to `count`, how many pixels of it are seen, and the box
    /// around them.
    pub(super) fn seen(&self, count: usize) -> Vec<(u32, BBox)> {
        // Left, top, right, bottom.
        let mut seen = vec![(0, [u32::MAX, u32::MAX, 0, 0]); count];
        for (i, owner) in self.owners.iter().enumerate() {
            let Some(number) = usize::from(*owner).checked_sub(1) else { continue };
            let Some((pixels, edges)) = seen.get_mut(number) else { continue };
            let (x, y) = (i as u32 % self.width, i as u32 / self.width);
            *pixels += 1;
            *edges = [edges[0].min(x), edges[1].min(y), edges[2].max(x + 1), edges[3].max(y + 1)];
        }
        let to_box = |(pixels, [left, top, right, bottom]): (u32, [u32; 4])| match pixels {
            0 => (0, BBox::default()),
            _ => {
                let (w, h) = (f64::from(right - left), f64::from(bottom - top));
                (pixels, BBox::new(left.into(), top.into(), w, h))
            }
        };
        seen.into_iter().map(to_box).collect()
    }

    /// Blurs by one pixel or so.
    pub(super) fn blur(&mut self) {
        let (width, height) = (self.width as usize, self.height as usize);
        for (step, length, lines, line) in [(1, width, height, width), (width, height, width, 1)] {
            for start in (0..lines).map(|n| n * line) {
                let mut before = self.pixels[start];
                for k in 0..length {
                    let i = start + k * step;
                    let here = self.pixels[i];
                    let after = if k + 1 < length { self.pixels[i + step] } else { here };
                    for c in 0..3 {
                        self.pixels[i][c] = (before[c] + 2.0 * here[c] + after[c]) / 4.0;
                    }
                    before = here;
                }
            }
        }
    }

    /// Adds the noise of a sensor, of this standard deviation.
    pub(super) fn noise(&mut self, deviation: f32, rng: &mut SplitMix64) {
        for pixel in &mut self.pixels {
            let common = rng.bell();
            pixel.iter_mut().for_each(|part| *part += deviation * (common + 0.4 * rng.bell()));
        }
    }

    /// Returns the picture as bytes: red, green, blue, line by line.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let byte = |part: &f32| (part.clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
        self.pixels.iter().flatten().map(byte).collect()
    }
}

impl Thing {
    /// Calls with every pixel that the thing touches, moved by so much: place, how much of it is
    /// covered, and how bright it is there.
    fn each_pixel(&self, moved: [f32; 2], mut call: impl FnMut(i32, i32, f32, f32)) {
        let (cx, cy) = (self.center[0] + moved[0], self.center[1] + moved[1]);
        let reach = self.radius[0].max(self.radius[1]) * Shape::REACH + 1.0;
        let range = |at: f32| ((at - reach).floor() as i32)..=((at + reach).ceil() as i32);
        let light = self.turned(self.light);
        for y in range(cy) {
            for x in range(cx) {
                let (mut covered, mut bright) = (0u8, 0.0);
                for k in 0..9u8 {
                    let dx = x as f32 + (f32::from(k % 3) + 0.5) / 3.0 - cx;
                    let dy = y as f32 + (f32::from(k / 3) + 0.5) / 3.0 - cy;
                    let [u, v] = self.turned([dx, dy]);
                    let (u, v) = (u / self.radius[0], v / self.radius[1]);
                    if let Some(shade) = self.shape.shade(u, v) {
                        covered += 1;
                        bright += shade * (1.0 + 0.22 * (u * light[0] + v * light[1]));
                    }
                }
                if covered > 0 {
                    call(x, y, f32::from(covered) / 9.0, bright / f32::from(covered));
                }
            }
        }
    }

    /// Returns a vector in the thing's own axes.
    fn turned(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let [c, s] = self.axis;
        [x * c + y * s, y * c - x * s]
    }
}
