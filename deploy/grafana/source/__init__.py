"""The dashboards as people write them: one module each, of the building blocks in ``panels`` and ``dashboard``.

``python -m deploy.grafana.source`` (a part of ``make docs``) writes them to deploy/grafana/dashboards as the JSON that
Grafana reads. docs/adr/0036 says why they are written here and not there.
"""
