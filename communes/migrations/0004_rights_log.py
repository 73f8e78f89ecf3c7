"""Who changed whose rights; and somebody who comes back to a role gets a new row beside the old one."""

import django.db.models.deletion
import django.db.models.functions.comparison
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('communes', '0003_fill_present_since'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='RightsChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='Lúc')),
                ('kind', models.CharField(choices=[('created', 'Tạo tài khoản'), ('profile', 'Sửa thông tin'), ('role_given', 'Giao vai trò'), ('role_changed', 'Sửa vai trò'), ('moved', 'Chuyển đơn vị'), ('deactivated', 'Ngừng hoạt động'), ('reactivated', 'Kích hoạt lại'), ('password', 'Cấp mật khẩu dùng một lần'), ('second_factor', 'Đặt lại xác thực hai lớp')], max_length=15, verbose_name='Việc')),
                ('before', models.TextField(blank=True, verbose_name='Trước')),
                ('after', models.TextField(blank=True, verbose_name='Sau')),
                ('reason', models.CharField(blank=True, max_length=500, verbose_name='Lý do')),
            ],
            options={
                'verbose_name': 'thay đổi quyền',
                'verbose_name_plural': 'nhật ký phân quyền',
                'ordering': ['-pk'],
            },
        ),
        migrations.RemoveConstraint(
            model_name='membership',
            name='membership_unique',
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.UniqueConstraint(models.F('user'), models.F('unit'), models.F('role'), django.db.models.functions.comparison.Coalesce('department', 0), condition=models.Q(('ends_on__isnull', True)), name='membership_open_unique', violation_error_message='Người này đã có vai trò đó ở đơn vị này.'),
        ),
        migrations.AddField(
            model_name='rightschange',
            name='by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Người thực hiện'),
        ),
        migrations.AddField(
            model_name='rightschange',
            name='person',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rights_changes', to=settings.AUTH_USER_MODEL, verbose_name='Người dùng'),
        ),
        migrations.AddField(
            model_name='rightschange',
            name='unit',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='communes.unit', verbose_name='Đơn vị'),
        ),
    ]
