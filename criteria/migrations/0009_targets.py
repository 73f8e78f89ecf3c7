
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('communes', '0004_rights_log'),
        ('criteria', '0008_crosswalk'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='target',
            name='to_year',
            field=models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='Đến hết năm'),
        ),
        migrations.AddField(
            model_name='targetreport',
            name='answered_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Người trả lời'),
        ),
        migrations.AddConstraint(
            model_name='target',
            constraint=models.CheckConstraint(condition=models.Q(('from_year__isnull', True), ('to_year__isnull', True), ('to_year__gte', models.F('from_year')), _connector='OR'), name='target_years_ordered', violation_error_message='“Đến hết năm” phải từ “Từ năm” trở đi.'),
        ),
    ]
