"""The looks: one accent colour, neutral greys, fonts of the system (nothing is fetched from anywhere)."""

from __future__ import annotations

from importlib import resources

import gradio as gr
from gradio.themes.utils import colors, sizes

_FONTS = [
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "Roboto",
    "Noto Sans",
    "PingFang SC",
    "Microsoft YaHei",
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "sans-serif",
]
_MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "Noto Sans Mono", "Noto Sans Mono CJK SC", "monospace"]
_PETROL = colors.Color(
    name="petrol",
    c50="#eef8f9",
    c100="#d6eef1",
    c200="#b2dee4",
    c300="#80c7d1",
    c400="#47a7b5",
    c500="#2b8a9a",
    c600="#1c7080",
    c700="#175b69",
    c800="#184b57",
    c900="#183f49",
    c950="#0a2931",
)


def theme() -> gr.themes.Base:
    """The theme of the app, light and dark."""
    return gr.themes.Base(
        primary_hue=_PETROL,
        secondary_hue=_PETROL,
        neutral_hue=colors.slate,
        text_size=sizes.text_md,
        spacing_size=sizes.spacing_md,
        radius_size=sizes.radius_md,
        font=_FONTS,
        font_mono=_MONO,
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="#0b1119",
        background_fill_primary="white",
        background_fill_primary_dark="#121a24",
        background_fill_secondary="*neutral_50",
        background_fill_secondary_dark="#182230",
        body_text_color="*neutral_900",
        body_text_color_dark="#e6edf3",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        border_color_primary="*neutral_200",
        border_color_primary_dark="#2a3646",
        block_background_fill="white",
        block_background_fill_dark="#121a24",
        block_border_width="0px",
        block_shadow="none",
        block_padding="0px",
        block_label_background_fill="transparent",
        block_label_border_width="0px",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_200",
        block_title_text_color="*neutral_800",
        block_title_text_color_dark="*neutral_100",
        block_title_text_weight="600",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        input_background_fill="white",
        input_background_fill_dark="#0f1620",
        input_border_width="1px",
        input_border_color="*neutral_300",
        input_border_color_dark="#3a485b",
        input_border_color_focus="*primary_600",
        input_border_color_focus_dark="*primary_400",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
        input_shadow_focus="0 0 0 3px *primary_200",
        input_shadow_focus_dark="0 0 0 3px *primary_800",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_300",
        button_primary_background_fill_hover_dark="*primary_200",
        button_primary_text_color="white",
        button_primary_text_color_dark="*primary_950",
        button_secondary_background_fill="white",
        button_secondary_background_fill_hover="*neutral_100",
        button_secondary_background_fill_dark="#182230",
        button_secondary_background_fill_hover_dark="#223044",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="#3a485b",
        button_border_width="1px",
        button_large_text_weight="600",
        button_large_text_size="*text_md",
        button_large_padding="10px 18px",
        button_transform_hover="none",
        button_transform_active="none",
        checkbox_label_background_fill="transparent",
        checkbox_label_background_fill_dark="transparent",
        checkbox_label_background_fill_hover="transparent",
        checkbox_label_background_fill_hover_dark="transparent",
        checkbox_label_border_width="0px",
        checkbox_label_padding="7px 11px",
        checkbox_background_color_selected="*primary_700",
        checkbox_background_color_selected_dark="*primary_500",
        slider_color="*primary_700",
        slider_color_dark="*primary_400",
        link_text_color="*primary_700",
        link_text_color_dark="*primary_300",
        loader_color="*primary_600",
        color_accent="*primary_700",
        color_accent_soft="*primary_50",
        color_accent_soft_dark="*primary_900",
        layout_gap="18px",
        form_gap_width="12px",
        shadow_drop="none",
        shadow_drop_lg="none",
    )


def css() -> str:
    """The style sheets."""
    folder = resources.files("sft_keras.ui")
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in ("styles.css", "results.css"))
