use super::difference_hash;

/// Returns the pixels of a smooth picture, brighter by so much.
fn picture(width: u32, height: u32, brighter: u8, turned: bool) -> Vec<u8> {
    let pixel = |x: u32, y: u32| {
        let x = if turned { width - 1 - x } else { x };
        let (u, v) = (f64::from(x) / f64::from(width), f64::from(y) / f64::from(height));
        let value = 90.0 + 80.0 * (u * 7.0 + v * 5.0).sin();
        [value as u8 + brighter, (value * 0.8) as u8 + brighter, 40 + brighter]
    };
    (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y))).collect()
}

#[test]
fn what_looks_alike_has_a_close_hash() {
    let hash = difference_hash(200, 100, &picture(200, 100, 0, false));
    for (width, height, brighter) in [(200, 100, 12), (400, 200, 0), (90, 77, 5)] {
        let other = difference_hash(width, height, &picture(width, height, brighter, false));
        assert!((hash ^ other).count_ones() <= 4, "{width} {height} {brighter}");
    }
    let turned = difference_hash(200, 100, &picture(200, 100, 0, true));
    assert!((hash ^ turned).count_ones() > 15);
}

#[test]
fn the_smallest_images_have_a_hash_too() {
    for (width, height) in [(0, 0), (1, 1), (3, 20), (20, 3)] {
        difference_hash(width, height, &picture(width, height, 0, false));
    }
    assert_eq!(difference_hash(2, 1, &[0, 0, 0, 255, 255, 255]).count_ones(), 8);
}
