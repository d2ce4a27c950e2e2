"""The names by which people call the column with the texts and the one with the labels, best first."""

from __future__ import annotations

import re

TEXT_NAMES = (
    *("text", "texts", "sentence", "review", "content", "message", "comment", "utterance", "document", "body"),
    *("tweet", "post", "sms", "email", "question", "query", "input", "description", "summary", "news", "headline"),
    *("title", "sentence1", "text1"),
    *("文本", "内容", "评论", "正文", "留言", "文本内容", "评论内容", "句子", "语句", "评价", "消息", "短信", "微博"),
    *("新闻", "问题", "提问", "描述", "摘要", "标题"),
)
LABEL_NAMES = (
    *("label", "labels", "category", "class", "sentiment", "intent", "target", "topic", "emotion", "polarity", "tag"),
    *("annotation", "tags", "classification", "gold", "truth", "rating", "stars", "score", "type", "genre", "y"),
    *(
        "标签",
        "类别",
        "分类",
        "情感",
        "意图",
        "类型",
        "主题",
        "情绪",
        "标注",
        "标记",
        "极性",
        "情感倾向",
        "星级",
        "评分",
    ),
)


def normal_name(name: str) -> str:
    """A column name without case, spaces, hyphens and underscores.

    Example:
        >>> normal_name(" Label_ ")
        'label'
    """
    return re.sub(r"[\s_\-]+", "", name).casefold()


def is_known_name(name: str) -> bool:
    """True if a cell reads like the heading of a text or label column."""
    return normal_name(name) in _KNOWN or bool(_GIVEN.fullmatch(name))


def by_name(columns: list[str], known: tuple[str, ...]) -> list[str]:
    """The columns with a known name, best first: whole names before names that only contain one."""
    whole = [c for name in known for c in columns if normal_name(c) == name]
    partly = [
        c
        for name in known
        for c in columns
        if len(name) > 1 and name in re.split(r"[\s_\-./]+", c.strip().casefold()) and c not in whole
    ]
    return list(dict.fromkeys(whole + partly))


# What `headers.column_names` calls a column without a name.
_GIVEN = re.compile(r"column [0-9]+( \([0-9]+\))?")
_KNOWN = frozenset(TEXT_NAMES) | frozenset(LABEL_NAMES) | {"id", "编号", "序号", "weight", "权重"}
