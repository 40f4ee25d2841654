//! What the handbook shows for an application on actix-web, as a program. To copy is `actix_existing_app`.

mod shop {
    include!(concat!(env!("OUT_DIR"), "/shop.rs"));
}
include!(concat!(env!("OUT_DIR"), "/actix.rs"));

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let database = Database::open(koogallery_servers::database_url().trim_start_matches("sqlite://"))?;
    serve(shop::Shop::open(&database).await?, &database).await
}
