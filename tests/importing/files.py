"""Small office files and books, made by hand, so that a test says what is in them."""

import io
from collections.abc import Mapping, Sequence
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_OFFICE = "http://schemas.openxmlformats.org"
_RELATIONS = f"{_OFFICE}/package/2006/relationships"
_OF_OFFICE = f"{_OFFICE}/officeDocument/2006/relationships"
_W = f'xmlns:w="{_OFFICE}/wordprocessingml/2006/main" xmlns:r="{_OF_OFFICE}"'
_P = f'xmlns:p="{_OFFICE}/presentationml/2006/main" xmlns:a="{_OFFICE}/drawingml/2006/main" xmlns:r="{_OF_OFFICE}"'
_ODF = "urn:oasis:names:tc:opendocument:xmlns"


def zipped(parts: Mapping[str, str | bytes], *, stored: Sequence[str] = ("mimetype",)) -> bytes:
    """An archive of these entries in this order."""
    whole = io.BytesIO()
    with ZipFile(whole, "w", ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content, ZIP_STORED if name in stored else ZIP_DEFLATED)
    return whole.getvalue()


def core(title: str = "", author: str = "", created: str = "", language: str = "") -> str:
    """The properties part of a DOCX or PPTX."""
    return (
        f'{XML}<cp:coreProperties xmlns:cp="{_OFFICE}/package/2006/metadata/core-properties" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/">'
        f"<dc:title>{title}</dc:title><dc:creator>{author}</dc:creator><dc:language>{language}</dc:language>"
        f"<dcterms:created>{created}</dcterms:created></cp:coreProperties>"
    )


def relations(**targets: str) -> str:
    """A part of relations: identifiers and targets, the type being the target's stem."""
    rows = "".join(
        f'<Relationship Id="{name}" Type="{_OF_OFFICE}/{target.rpartition("/")[2].split(".")[0].rstrip("0123456789")}" '
        f'Target="{target}"/>'
        for name, target in targets.items()
    )
    return f'{XML}<Relationships xmlns="{_RELATIONS}">{rows}</Relationships>'


def docx_parts(
    body: str, *, properties: str = "", more: Mapping[str, str | bytes] | None = None
) -> dict[str, str | bytes]:
    """The entries of a DOCX with this body."""
    main = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="{name.replace(" ", "")}"><w:name w:val="{name}"/></w:style>'
        for name in ("heading 1", "heading 2", "Title", "Author")
    )
    return {
        "[Content_Types].xml": (
            f'{XML}<Types xmlns="{_OFFICE}/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="xml" ContentType="application/xml"/>'
            f'<Override PartName="/word/document.xml" ContentType="{main}"/></Types>'
        ),
        "_rels/.rels": relations(rId1="word/document.xml").replace("/document\"", "/officeDocument\""),
        "word/_rels/document.xml.rels": relations(rId1="styles.xml", rId2="footnotes.xml", rId3="media/image1.png"),
        "word/styles.xml": f'{XML}<w:styles {_W}>{styles}</w:styles>',
        "word/document.xml": f"{XML}<w:document {_W}><w:body>{body}</w:body></w:document>",
        **({"docProps/core.xml": properties} if properties else {}),
        **(more or {}),
    }  # fmt: skip


def docx(body: str, *, properties: str = "", more: Mapping[str, str | bytes] | None = None) -> bytes:
    """A DOCX with this body of `para` and `table`."""
    return zipped(docx_parts(body, properties=properties, more=more))


def para(words: str, style: str = "", inside: str = "") -> str:
    """A paragraph of a DOCX."""
    look = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f'<w:p>{look}<w:r><w:t xml:space="preserve">{words}</w:t></w:r>{inside}</w:p>'


def table(*rows: Sequence[str]) -> str:
    """A table of a DOCX."""
    cells = ("".join(f"<w:tc>{para(cell)}</w:tc>" for cell in row) for row in rows)
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in cells)}</w:tbl>"


def footnotes(*notes: str) -> dict[str, str]:
    """The part of a DOCX with these notes, numbered from 1."""
    rows = "".join(
        f'<w:footnote w:id="{number}">{para(words)}</w:footnote>' for number, words in enumerate(notes, 1)
    )
    return {"word/footnotes.xml": f"{XML}<w:footnotes {_W}>{rows}</w:footnotes>"}


def odt_parts(body: str, *, meta: str = "") -> dict[str, str | bytes]:
    """The entries of an ODT with this body."""
    spaces = (
        f'xmlns:office="{_ODF}:office:1.0" xmlns:text="{_ODF}:text:1.0" xmlns:table="{_ODF}:table:1.0" '
        f'xmlns:meta="{_ODF}:meta:1.0" xmlns:style="{_ODF}:style:1.0" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" '
        f'xmlns:fo="{_ODF}:xsl-fo-compatible:1.0"'
    )
    return {
        "mimetype": "application/vnd.oasis.opendocument.text",
        "content.xml": (
            f'{XML}<office:document-content {spaces}><office:automatic-styles><text:list-style style:name="B">'
            '<text:list-level-style-bullet text:level="1" text:bullet-char="-"/></text:list-style>'
            f"</office:automatic-styles><office:body><office:text>{body}</office:text></office:body>"
            "</office:document-content>"
        ),
        "styles.xml": (
            f'{XML}<office:document-styles {spaces}><office:styles><style:default-style style:family="paragraph">'
            '<style:text-properties fo:language="de" fo:country="CH"/></style:default-style></office:styles>'
            "</office:document-styles>"
        ),
        "meta.xml": f"{XML}<office:document-meta {spaces}><office:meta>{meta}</office:meta></office:document-meta>",
    }


def epub_parts(*chapters: str, more: Mapping[str, str | bytes] | None = None) -> dict[str, str | bytes]:
    """The entries of an EPUB with these bodies as chapters."""
    page = '<?xml version="1.0"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"><head><title>x</title></head>'
    names = [f"c{number}.xhtml" for number in range(len(chapters))]
    items = "".join(f'<item id="{name}" href="{name}" media-type="application/xhtml+xml"/>' for name in names)
    spine = "".join(f'<itemref idref="{name}"/>' for name in names)
    return {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": (
            f'{XML}<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
            '<rootfile full-path="book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
        ),
        "book.opf": (
            f'{XML}<package version="3.0" xmlns="http://www.idpf.org/2007/opf"><metadata '
            'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>A Small Book</dc:title>'
            "<dc:creator>Ada Author</dc:creator><dc:date>2019-04-01</dc:date><dc:language>fr</dc:language></metadata>"
            f"<manifest>{items}</manifest><spine>{spine}</spine></package>"
        ),
        **{name: f"{page}<body>{body}</body></html>" for name, body in zip(names, chapters, strict=True)},
        **(more or {}),
    }


def pptx_parts(*slides: tuple[str, str]) -> dict[str, str | bytes]:
    """The entries of a PPTX with these titles and texts."""
    main = "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"
    numbers = range(1, len(slides) + 1)
    listed = "".join(f'<p:sldId id="{255 + number}" r:id="rId{number}"/>' for number in numbers)
    return {
        "[Content_Types].xml": (
            f'{XML}<Types xmlns="{_OFFICE}/package/2006/content-types">'
            f'<Override PartName="/ppt/presentation.xml" ContentType="{main}"/></Types>'
        ),
        "_rels/.rels": relations(rId1="ppt/presentation.xml").replace("/presentation\"", "/officeDocument\""),
        "ppt/presentation.xml": f"{XML}<p:presentation {_P}><p:sldIdLst>{listed}</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": relations(
            **{f"rId{number}": f"slides/slide{number}.xml" for number in numbers}
        ),
        **{f"ppt/slides/slide{number}.xml": _slide(*slide) for number, slide in enumerate(slides, 1)},
        "docProps/core.xml": core("A Talk", "Ben Speaker", "2021-02-03T04:05:06Z"),
    }  # fmt: skip


def _slide(title: str, words: str) -> str:
    shapes = "".join(
        f'<p:sp><p:nvSpPr><p:cNvPr id="{number}" name="s"/><p:cNvSpPr/><p:nvPr>{place}</p:nvPr></p:nvSpPr><p:spPr/>'
        f"<p:txBody><a:bodyPr/><a:p><a:r><a:t>{said}</a:t></a:r></a:p></p:txBody></p:sp>"
        for number, place, said in ((2, '<p:ph type="title"/>', title), (3, '<p:ph idx="1"/>', words))
    )
    return f"{XML}<p:sld {_P}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>"
