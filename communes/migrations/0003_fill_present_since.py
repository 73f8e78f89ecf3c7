"""Since when each unit is what it is: the day of its last version."""

from django.db import migrations
from django.db.models import OuterRef, Subquery


def fill(apps, schema_editor):
    unit, version = apps.get_model("communes", "Unit"), apps.get_model("communes", "UnitVersion")
    last = version.objects.filter(unit=OuterRef("pk")).order_by("-valid_from").values("valid_from")[:1]
    unit.objects.update(present_since=Subquery(last))


class Migration(migrations.Migration):
    dependencies = [("communes", "0002_present_since")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
