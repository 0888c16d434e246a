"""The map's table."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Creates it."""

    initial = True
    dependencies: ClassVar[list[tuple[str, str]]] = []
    operations: ClassVar[list[object]] = [
        migrations.CreateModel(
            name="SessionKey",
            fields=[
                ("session_id", models.CharField(max_length=128, primary_key=True, serialize=False)),
                ("session_key", models.CharField(max_length=40)),
                ("user_id", models.CharField(db_index=True, max_length=256, null=True)),
                ("started", models.DateTimeField()),
                ("expires", models.DateTimeField(db_index=True)),
            ],
        ),
    ]
