//! What the handbook shows for an application on axum, as a program. To copy is `axum_existing_app`.

mod shop {
    include!(concat!(env!("OUT_DIR"), "/shop.rs"));
}
include!(concat!(env!("OUT_DIR"), "/axum.rs"));

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let database = Database::open(koogallery_servers::database_url().trim_start_matches("sqlite://"))?;
    let application = Router::new().route("/", axum::routing::get(|| async { "the application" }));
    serve(application, shop::Shop::open(&database).await?, &database).await
}
