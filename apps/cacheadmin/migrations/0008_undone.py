
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('cacheadmin', '0007_looks'),
    ]

    operations = [
        migrations.AlterField(
            model_name='cacheevent',
            name='kind',
            field=models.CharField(choices=[('switch', 'Engine changed'), ('outage', 'Engine lost'), ('return', 'Engine back'), ('choice', 'Engine chosen'), ('lifetime', 'Lifetime changed'), ('clear', 'Cleared'), ('warm', 'Warmed up'), ('refused', 'Activation refused'), ('rollback', 'Settings restored'), ('undone', 'Choice taken back'), ('moved', 'Keys taken over'), ('copied', 'Keys of its own'), ('restored', 'Another database'), ('look', 'Entry looked at'), ('delete', 'Entry deleted')], max_length=20, verbose_name='event'),
        ),
    ]
