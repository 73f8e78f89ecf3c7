"""Questions between a commune and the offices above it."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('communes', '0003_fill_present_since'),
        ('criteria', '0003_owners_and_submissions'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Question',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('office', models.CharField(choices=[('district', 'Cấp huyện'), ('province', 'Cấp tỉnh')], max_length=10, verbose_name='Cơ quan cấp trên')),
                ('from_commune', models.BooleanField(verbose_name='Do xã hỏi')),
                ('text', models.TextField(max_length=2000, verbose_name='Nội dung')),
                ('due_on', models.DateField(blank=True, null=True, verbose_name='Đề nghị bổ sung trước ngày')),
                ('state', models.CharField(choices=[('waiting', 'Chờ trả lời'), ('answered', 'Đã trả lời'), ('done', 'Đã xong')], default='waiting', max_length=10, verbose_name='Trạng thái')),
                ('asked_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('version', models.PositiveIntegerField(default=0)),
                ('asked_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('indicator', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='questions', to='criteria.indicator', verbose_name='Chỉ tiêu')),
                ('unit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='questions', to='communes.unit', verbose_name='Đơn vị')),
            ],
            options={
                'verbose_name': 'câu hỏi',
                'verbose_name_plural': 'câu hỏi',
                'ordering': [models.OrderBy(models.F('due_on'), nulls_last=True), '-asked_at', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='QuestionMessage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('answer', 'Trả lời'), ('again', 'Hỏi lại'), ('done', 'Đã xong')], max_length=10)),
                ('text', models.TextField(blank=True, max_length=2000)),
                ('due_on', models.DateField(blank=True, null=True)),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('evidence', models.ManyToManyField(blank=True, related_name='+', to='criteria.evidence')),
                ('question', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='messages', to='criteria.question')),
            ],
            options={
                'verbose_name': 'trao đổi',
                'verbose_name_plural': 'trao đổi',
                'ordering': ['at', 'pk'],
            },
        ),
        migrations.AddIndex(
            model_name='question',
            index=models.Index(fields=['unit', 'indicator'], name='question_place'),
        ),
        migrations.AddIndex(
            model_name='question',
            index=models.Index(fields=['state', 'due_on'], name='question_due'),
        ),
        migrations.AddConstraint(
            model_name='question',
            constraint=models.CheckConstraint(condition=models.Q(('text', ''), _negated=True), name='question_says_something'),
        ),
        migrations.AddConstraint(
            model_name='questionmessage',
            constraint=models.CheckConstraint(condition=models.Q(('kind', 'done'), models.Q(('text', ''), _negated=True), _connector='OR'), name='question_message_says_something'),
        ),
    ]
