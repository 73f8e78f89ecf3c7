"""The WSGI application gunicorn serves."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ntm.settings")
application = get_wsgi_application()

# What was imported lives as long as the worker: without it the collector has a tenth to look
# through, which large pages feel (PERFORMANCE, G5).
gc.collect()
gc.freeze()
