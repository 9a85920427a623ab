use ymir::{ProjectState, Result, Selection, Workspace};

use super::html::escape;
use super::{chart, collect, lineage, tables};
use crate::demo::{Comparison, Curve};
use crate::output::metric;

const STYLE: &str = include_str!("style.css");

/// Returns the report as one HTML file.
pub(crate) async fn write(
    workspace: &Workspace,
    title: &str,
    classes: &[String],
    comparison: &Comparison,
) -> Result<String> {
    let mut body = head(title, comparison);
    section(
        &mut body,
        "What labels bought",
        &format!(
            "<p>The lines are the means over the seeds, the bands reach from the lowest to the highest seed. The first images are chosen by chance in both cases.</p>\n{}{}{}",
            chart::curve(comparison),
            tables::means(comparison),
            tables::seeds(comparison)
        ),
    );
    section(&mut body, "Classes", &tables::classes(comparison, classes));
    if let Some(best) = comparison.best() {
        let state = workspace.project(best.project.as_str()).await?.state().await?;
        detections(&mut body, workspace, best, &state).await?;
        section(
            &mut body,
            &format!("Where the models of {} came from", escape(best.project.as_str())),
            &format!(
                "<p>Every box is a version in the workspace, a git commit with its inputs, parameters and seed; <code>ymir show</code> prints it.</p>\n{}",
                lineage::html(workspace, &state).await?
            ),
        );
    }
    let mined = comparison
        .of(Selection::Mined)
        .reduce(|best, curve| if curve.last() > best.last() { curve } else { best });
    if let Some(mined) = mined {
        let state = workspace.project(mined.project.as_str()).await?.state().await?;
        chosen(&mut body, workspace, mined, &state).await?;
    }
    section(&mut body, "All iterations", &tables::iterations(comparison));
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n\
         <title>YMIR demo: {}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{body}\
         <footer>Made by <code>ymir demo</code>, YMIR {}.</footer>\n</body>\n</html>\n",
        escape(title),
        env!("CARGO_PKG_VERSION")
    ))
}

fn section(body: &mut String, heading: &str, content: &str) {
    body.push_str(&format!("<section>\n<h2>{heading}</h2>\n{content}</section>\n"));
}

/// Returns the heading with the figures that matter most.
fn head(title: &str, comparison: &Comparison) -> String {
    let last = comparison.iterations();
    let at = |iteration| comparison.span(Selection::Mined, iteration).map(|span| span.mean);
    let (mined, random) = (comparison.mean(Selection::Mined), comparison.mean(Selection::Random));
    let gain = mined.zip(random).map(|(mined, random)| format!("{:+.3}", mined - random));
    let figures = [
        (
            format!("{} → {}", metric(at(1)), metric(at(last))),
            "AP50, mined, first to last iteration",
        ),
        (gain.unwrap_or_else(|| "–".to_owned()), "mean AP50, mined against random"),
        (format!("{:.0}", comparison.labels(last)), "images labeled per loop"),
        (comparison.seeds().len().to_string(), "seeds"),
    ];
    let mut html = format!(
        "<header>\n<h1>Active learning on {}</h1>\n<p>Train, mine, label, train again: each iteration has a few more images labeled and trains on all of them. Mining chooses the images whose labels promise to teach the model most; it is compared with choosing by chance.</p>\n<dl class=\"figures\">\n",
        escape(title)
    );
    for (value, what) in figures {
        html.push_str(&format!("<div><dt>{what}</dt><dd>{value}</dd></div>\n"));
    }
    html.push_str("</dl>\n</header>\n");
    html
}

async fn detections(
    body: &mut String,
    workspace: &Workspace,
    best: &Curve,
    state: &ProjectState,
) -> Result<()> {
    let Some(line) = best.lines.last() else { return Ok(()) };
    let mut pictures = String::new();
    for picture in collect::validation(workspace, state, &line.predictions).await? {
        pictures.push_str(&picture.html(true));
    }
    let content = format!(
        "<p>Images of the validation set, which the model has never learnt from, after iteration {} of {}. <span class=\"key truth\">ground truth</span> <span class=\"key found\">prediction with its score, from {} on</span></p>\n<div class=\"pictures\">\n{pictures}</div>\n",
        line.iteration,
        escape(best.project.as_str()),
        collect::SHOWN_SCORE
    );
    section(body, "What the last model sees", &content);
    Ok(())
}

async fn chosen(
    body: &mut String,
    workspace: &Workspace,
    mined: &Curve,
    state: &ProjectState,
) -> Result<()> {
    let mut content = format!(
        "<p>The first of the images that each iteration of {} chose for labeling, with what the model said about them before: <span class=\"key found\">pre-annotation</span>, which a labeling tool would show for correction.</p>\n",
        escape(mined.project.as_str())
    );
    for iteration in &state.iterations {
        let Some((selected, count)) = iteration.selected() else { continue };
        let predictions = iteration.pre_annotations();
        let how = if predictions.is_some() { "mined" } else { "by chance, as there was no model" };
        content.push_str(&format!(
            "<h3>Iteration {}: {count} images, {how}</h3>\n<div class=\"pictures small\">\n",
            iteration.number
        ));
        for picture in collect::chosen(workspace, &selected, predictions).await? {
            content.push_str(&picture.html(false));
        }
        content.push_str("</div>\n");
    }
    section(body, "What was mined", &content);
    Ok(())
}
