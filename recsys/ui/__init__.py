"""The page: one file a tab, plain functions for what is drawn, handlers for what happens.

The only room that knows Gradio and plotly. It knows no torch: models are the workbench's business.
"""
