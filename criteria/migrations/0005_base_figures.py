"""Base figures (số liệu nền) of units, by year and key."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('communes', '0003_fill_present_since'),
        ('criteria', '0004_questions'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='BaseFigure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('year', models.PositiveSmallIntegerField(verbose_name='Năm')),
                ('key', models.CharField(max_length=30, verbose_name='Số liệu')),
                ('value', models.DecimalField(decimal_places=4, max_digits=18, verbose_name='Giá trị')),
                ('updated_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('unit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='base_figures', to='communes.unit', verbose_name='Đơn vị')),
                ('updated_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'số liệu nền',
                'verbose_name_plural': 'số liệu nền',
                'constraints': [models.UniqueConstraint(fields=('unit', 'year', 'key'), name='base_figure_unique'), models.CheckConstraint(condition=models.Q(('value__gte', 0)), name='base_figure_not_negative', violation_error_message='Số liệu nền không được âm.')],
            },
        ),
    ]
