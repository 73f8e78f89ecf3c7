import criteria.models.uploads
from django.db import migrations


def pack(apps, schema_editor):
    uploads = apps.get_model('criteria', 'Upload').objects
    for upload in uploads.only('unpacked').iterator(chunk_size=20):
        uploads.filter(pk=upload.pk).update(plan=upload.unpacked)


def unpack(apps, schema_editor):
    uploads = apps.get_model('criteria', 'Upload').objects
    for upload in uploads.only('plan').iterator(chunk_size=20):
        uploads.filter(pk=upload.pk).update(unpacked=upload.plan)


class Migration(migrations.Migration):

    dependencies = [
        ('criteria', '0012_entrybook'),
    ]

    operations = [
        migrations.RenameField(
            model_name='upload',
            old_name='plan',
            new_name='unpacked',
        ),
        migrations.AddField(
            model_name='upload',
            name='plan',
            field=criteria.models.uploads.PackedJSONField(blank=True, default=dict),
        ),
        migrations.RunPython(pack, unpack),
        migrations.RemoveField(
            model_name='upload',
            name='unpacked',
        ),
    ]
