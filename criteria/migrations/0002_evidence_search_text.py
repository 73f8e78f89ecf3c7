"""Documents are found by title and number without diacritics, on both databases alike."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('criteria', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='evidence',
            name='search_text',
            field=models.CharField(blank=True, editable=False, max_length=340),
        ),
    ]
