//! A schema of its own on a PostgreSQL server, for one run.

use koogallery::postgres::tokio_postgres::{self, Client, Error, NoTls};

/// A schema, empty at first.
#[derive(Debug)]
pub struct Schema {
    server: String,
    name: String,
}

impl Schema {
    /// Makes a schema on the server of `KOOGALLERY_TEST_POSTGRES_URL`; `None` if that is not set.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or refuses it.
    pub async fn new(purpose: &str) -> Result<Option<Self>, Error> {
        let server = std::env::var("KOOGALLERY_TEST_POSTGRES_URL").ok().filter(|url| !url.is_empty());
        let Some(server) = server else { return Ok(None) };
        let schema = Self { server, name: format!("koogallery_{purpose}_{}", std::process::id()) };
        connect(&schema.server).await?.batch_execute(&format!("CREATE SCHEMA {}", schema.name)).await?;
        Ok(Some(schema))
    }

    /// Returns the URL of the server, with the schema as the only one that is searched.
    pub fn url(&self) -> String {
        let sign = if self.server.contains('?') { '&' } else { '?' };
        format!("{}{sign}options=-c%20search_path%3D{}", self.server, self.name)
    }

    /// Returns a connection.
    ///
    /// # Errors
    ///
    /// The server cannot be reached.
    pub async fn connect(&self) -> Result<Client, Error> {
        connect(&self.url()).await
    }

    /// Removes the schema with all that is in it.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or refuses it.
    pub async fn remove(self) -> Result<(), Error> {
        connect(&self.server).await?.batch_execute(&format!("DROP SCHEMA {} CASCADE", self.name)).await
    }
}

async fn connect(url: &str) -> Result<Client, Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
