//! Asks a dataset, and makes others of it.

use futures::{StreamExt, TryStreamExt};
use ymir::{Name, Part, Query, SplitOptions, Workspace};

#[tokio::main]
async fn main() -> ymir::Result<()> {
    let workspace = Workspace::open("work").await?;
    let pool = workspace.dataset("pool").await?;
    let query: Query = "class:coin and area<0.02".parse()?;
    let small = pool.query(&query);
    println!("{} images with a small coin", small.count().await?);
    let names = small.records(None).take(3).map_ok(|record| record.asset.file_name);
    println!("{:?}", names.try_collect::<Vec<_>>().await?);

    let coins = pool.filter(&query, "small-coins").await?;
    let part = |name, fraction| Ok::<_, ymir::Error>(Part { name: Name::new(name)?, fraction });
    let parts = vec![part("coins-train", 0.8)?, part("coins-val", 0.2)?];
    let options = SplitOptions { parts, seed: 1, unstratified: false };
    for part in coins.split(&options).await? {
        println!("{}: {} images", part.version(), part.len());
    }
    Ok(())
}
