"""Homes of earlier versions, and what becomes of them when `nightbus up` of today opens one."""
