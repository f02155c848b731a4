"""What an operator may turn. A county's rules are dated policy with a document number, never settings."""

from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read once at start, then passed down; nothing else looks at the environment.

    Each field is an environment variable with the prefix JUANZONG_; an empty variable counts as not set.
    """

    model_config = SettingsConfigDict(
        env_prefix="JUANZONG_", env_ignore_empty=True, frozen=True, validate_default=True
    )

    data_dir: Path = Field(
        Path("var"), description="数据目录：数据库、附件、日志都在这里；相对路径从当前目录算起"
    )
    database_url: str | None = Field(  # holds a password, so it stays out of every repr
        None, repr=False, description="自有 PostgreSQL 的地址（postgresql://…）；不填则使用内置数据库"
    )
    owner_url: str | None = Field(
        None,
        repr=False,
        description="自有 PostgreSQL 上各表所有者的地址，升级、导入、重做时用；不填则同 database_url",
    )
    temporal_address: str | None = Field(
        None, description="自有 Temporal 的地址（主机:端口）；不填则使用内置 Temporal"
    )
    temporal_namespace: str = Field(
        "juanzong", min_length=1, pattern=r"^[\w.-]+$", description="Temporal 命名空间"
    )
    temporal_tls: bool = Field(False, description="连接 Temporal 时是否使用 TLS")
    temporal_api_key: SecretStr | None = Field(None, description="Temporal 的 API 密钥；没有则不填")
    http_host: str = Field("127.0.0.1", min_length=1, description="网站监听的地址；0.0.0.0 表示本机所有网卡")
    http_port: int = Field(0, ge=0, le=65_535, description="网站监听的端口；0 表示自动选择空闲端口")
    upload_bytes_max: int = Field(20 * 1024**2, gt=0, le=1024**3, description="单个附件的上限，字节")
    session_idle_minutes: int = Field(30, ge=5, le=240, description="无操作多久后需要重新登录，分钟")
    public_url: str | None = Field(
        None, pattern=r"^https?://", description="对外的网址，印在文书的二维码里；不填则用本机网址"
    )
    seal_key: Path | None = Field(
        None, description="签名案卷头的私钥文件，宜放在另一处；不填则为数据目录下的 keys/seal.key"
    )
    rehearsal: bool = Field(False, description="演练：时钟由人拨动，可切换身份；正式使用时必须关闭")

    @field_validator("data_dir", "seal_key")
    @classmethod
    def absolute(cls, path: Path | None) -> Path | None:
        """Children run in other folders, so a relative path is resolved once, here."""
        return path.expanduser().resolve() if path else None

    def environment(self) -> dict[str, str]:
        """The variables from which a child process reads these very settings (secrets included)."""
        values = {
            name: value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            for name, value in self
            if value is not None
        }
        return {f"JUANZONG_{name.upper()}": value for name, value in values.items()}
