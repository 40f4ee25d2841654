//! A place of its own for each part of the run: a file, a schema, a database. It is deleted in the end.

use koogallery::mysql::mysql_async::prelude::Queryable as _;
use koogallery::mysql::mysql_async::{Conn, Opts, OptsBuilder};
use koogallery::postgres::tokio_postgres::{self, Client, NoTls};
use koogallery::sqlite::rusqlite::Connection;
use tempfile::TempDir;

use crate::Outcome;

/// The servers on which places are made.
#[derive(Clone, Default)]
pub struct Servers {
    pub postgres: Option<String>,
    pub mysql: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
    Mysql,
}

pub const ENGINES: [Engine; 3] = [Engine::Sqlite, Engine::Postgres, Engine::Mysql];

impl Engine {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MariaDB/MySQL",
        }
    }
}

pub struct Place {
    pub engine: Engine,
    /// Of the place itself.
    pub url: String,
    server: String,
    name: String,
    _folder: Option<TempDir>,
}

impl Place {
    /// Returns `None` if there is no server of the engine.
    pub async fn new(engine: Engine, servers: &Servers, purpose: &str) -> Outcome<Option<Self>> {
        let name = format!("koogallery_stress_{}_{purpose}", std::process::id());
        let mut place = Self { engine, url: String::new(), server: String::new(), name, _folder: None };
        let name = &place.name;
        match (engine, &servers.postgres, &servers.mysql) {
            (Engine::Sqlite, ..) => {
                let folder = tempfile::tempdir()?;
                place.url = format!("sqlite://{}", folder.path().join("stress.db").display());
                place._folder = Some(folder);
            }
            (Engine::Postgres, Some(server), _) => {
                let sign = if server.contains('?') { '&' } else { '?' };
                place.url = format!("{server}{sign}options=-c%20search_path%3D{name}&application_name={name}");
                place.server.clone_from(server);
                place.postgres().await?.batch_execute(&format!("CREATE SCHEMA {}", place.name)).await?;
            }
            (Engine::Mysql, _, Some(server)) => {
                let (host, _) = server.rsplit_once('/').ok_or("the URL of MySQL has no database")?;
                place.url = format!("{host}/{name}");
                place.server.clone_from(server);
                place.mysql_server().await?.query_drop(format!("CREATE DATABASE {}", place.name)).await?;
            }
            _ => return Ok(None),
        }
        Ok(Some(place))
    }

    /// Returns a connection to PostgreSQL beside those of the stores, under another name.
    pub async fn postgres(&self) -> Outcome<Client> {
        let mut config: tokio_postgres::Config = self.server.parse()?;
        config.options(format!("-c search_path={}", self.name));
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Returns a connection to MySQL beside those of the stores, which has no database.
    pub async fn mysql_server(&self) -> Outcome<Conn> {
        let opts = OptsBuilder::from_opts(Opts::from_url(&self.server)?).db_name(None::<String>).prefer_socket(false);
        Ok(Conn::new(opts).await?)
    }

    /// Returns the name of the schema, or of the database in MySQL.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs statements.
    pub async fn run(&self, statements: &str) -> Outcome {
        match self.engine {
            Engine::Sqlite => {
                let path = self.url.strip_prefix("sqlite://").unwrap_or_default().to_owned();
                let statements = statements.to_owned();
                let run = move || Connection::open(path)?.execute_batch(&statements);
                tokio::task::spawn_blocking(run).await??;
            }
            Engine::Postgres => self.postgres().await?.batch_execute(statements).await?,
            Engine::Mysql => {
                let mut connection = self.mysql_server().await?;
                connection.query_drop(format!("USE {}", self.name)).await?;
                connection.query_drop(statements).await?;
            }
        }
        Ok(())
    }

    /// Returns the number of connections that the server has from the stores.
    pub async fn connections(&self) -> Outcome<usize> {
        let name = &self.name;
        let count: i64 = match self.engine {
            Engine::Sqlite => 0,
            Engine::Postgres => {
                let statement = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1";
                self.postgres().await?.query_one(statement, &[name]).await?.try_get(0)?
            }
            Engine::Mysql => {
                let statement = format!("SELECT COUNT(*) FROM information_schema.processlist WHERE db = '{name}'");
                self.mysql_server().await?.query_first(statement).await?.unwrap_or_default()
            }
        };
        Ok(usize::try_from(count)?)
    }

    /// Deletes the place.
    pub async fn remove(self) -> Outcome {
        let name = &self.name;
        match self.engine {
            Engine::Sqlite => {}
            Engine::Postgres => self.postgres().await?.batch_execute(&format!("DROP SCHEMA {name} CASCADE")).await?,
            Engine::Mysql => self.mysql_server().await?.query_drop(format!("DROP DATABASE {name}")).await?,
        }
        Ok(())
    }
}
