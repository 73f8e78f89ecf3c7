"""The searchable names of the accounts that were there before."""

import re
import unicodedata

from django.db import migrations


def fill(apps, schema_editor):
    user = apps.get_model("accounts", "User")
    for person in user.objects.only("full_name").iterator():
        marks = unicodedata.normalize("NFD", person.full_name.lower().replace("đ", "d"))
        bare = "".join(mark for mark in marks if not unicodedata.combining(mark))
        user.objects.filter(pk=person.pk).update(search_name=" ".join(re.findall(r"[^\W_]+", bare)))


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_one_time_passwords")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
