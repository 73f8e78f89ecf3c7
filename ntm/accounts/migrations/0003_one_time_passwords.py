"""One-time passwords expire, and people are found by their names without diacritics."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_reminders'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='one_time_password_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='user',
            name='search_name',
            field=models.CharField(blank=True, editable=False, max_length=100),
        ),
    ]
